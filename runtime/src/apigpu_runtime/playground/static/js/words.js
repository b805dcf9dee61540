// Sentences of the page's language, and numbers as it writes them.

const data = JSON.parse(document.getElementById("page").textContent);
const { sentences, labels, help } = data.words;

/** The sentence of that key, its {places} filled in. */
export function t(key, values = {}) {
  const sentence = sentences[key] ?? key;
  return sentence.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

export const hasSentence = (key) => key in sentences;

/** What an operation says of itself, in the page's language if it can be. */
export const told = (sentence) => help[sentence] ?? sentence;

/** The language that `told` gives a sentence in, where it is not the page's: operations speak English. */
export const languageOf = (sentence) => (sentence in help || data.language === "en" ? null : "en");

const UNITS = { s: "s", ms: "ms", db: "dB", px: "px", hz: "Hz", bps: "bit/s", percent: "%", pct: "%", deg: "°" };
const SAID = [
  [/\bdecibels?\b/i, "dB"],
  [/\bin (milliseconds|ms)\b/i, "ms"],
  [/\bin pixels\b/i, "px"],
  [/\bin percent\b|\bpercent of\b/i, "%"],
  [/\bin degrees\b/i, "°"],
  [/^frames (a|per) second\b/i, "fps"],
  [/\bin seconds\b|^seconds\b/i, "s"],
];
const CAPITALS = new Set(["url", "srt", "id", "fps", "json", "api", "html", "rgb", "lut", "hdr"]);

/** The unit of a field, from its name (`delay_s`) or else from what is said of it. */
export function unitOf(name, description = "") {
  const ending = name.split("_").at(-1);
  if (name.includes("_") && ending in UNITS) return UNITS[ending];
  return SAID.find(([words]) => words.test(description))?.[1] ?? "";
}

/** A field's name for people: `fade_in_s` is "Fade in", `url_video` is "Video". */
export function labelOf(name, { isMedia = false } = {}) {
  if (labels[name]) return labels[name];
  let words = name.split("_").filter(Boolean);
  if (words.length > 1 && words.at(-1) in UNITS) words = words.slice(0, -1);
  if (isMedia && words.length > 1) words = words.filter((word) => word !== "url");
  const written = words.map((word) => (CAPITALS.has(word) ? word.toUpperCase() : word)).join(" ");
  return written.charAt(0).toUpperCase() + written.slice(1);
}

export const number = (value, digits = 2) =>
  new Intl.NumberFormat(data.language, { maximumFractionDigits: digits }).format(value);

export const seconds = (value) => {
  if (value < 60) return `${number(value, value < 10 ? 2 : 1)} s`;
  const whole = Math.round(value);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const [hours, minutes, rest] = parts;
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${rest} s`;
};

export function bytes(count) {
  for (const unit of ["B", "kB", "MB"]) {
    if (count < 1000) return `${number(count, unit === "B" ? 0 : 1)} ${unit}`;
    count /= 1000;
  }
  return `${number(count, 2)} GB`;
}

export const money = (usd) =>
  new Intl.NumberFormat(data.language, { style: "currency", currency: "USD", maximumSignificantDigits: 3 }).format(
    usd,
  );

export const time = (text) =>
  new Intl.DateTimeFormat(data.language, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(text));

/** A frame rate for people: 29.97 for "30000/1001". */
export function rate(fraction) {
  const [over, under = 1] = fraction.split("/").map(Number);
  return number(over / under, 3);
}
