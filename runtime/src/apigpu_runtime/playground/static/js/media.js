// A field for a file: its URL, or the file itself, which is uploaded and becomes a URL.

import { sentenceOf, upload } from "./api.js";
import { announce, h } from "./dom.js";
import { changed, frame } from "./frame.js";
import { faultOf } from "./schema.js";
import { bytes, number, t } from "./words.js";

const ACCEPTED = { "text/*": ".srt,.vtt,.ass,.ssa,text/*" };

export const acceptOf = (schema) => ACCEPTED[schema.contentMediaType] ?? schema.contentMediaType;

export function mediaField(schema, place) {
  const control = h("input", {
    type: "text",
    inputmode: "url",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: t("url_or_file"),
  });
  const file = h("input", {
    type: "file",
    accept: acceptOf(schema),
    class: "unseen",
    tabindex: -1,
    "aria-hidden": "true",
  });
  const button = h("button", { type: "button", class: "pick" }, t("choose_file"));
  const state = h("div", { class: "upload", hidden: true });
  const framed = frame(schema, place, control, { beside: [button, file], below: [state] });
  const sending = uploads({ control, state, framed });
  button.setAttribute(
    "aria-label",
    t("choose_file_for", { name: framed.element.querySelector("label").textContent }),
  );
  button.addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    if (file.files[0]) sending.begin(file.files[0]);
    file.value = "";
  });
  control.addEventListener("input", sending.forget);
  droppable(framed.element, (files) => sending.begin(files[0]));
  return {
    ...framed,
    at: () => null,
    take: sending.begin,
    write: (value) => {
      control.value = value ?? "";
      sending.forget();
    },
    read: (path, faults) => read(schema, place, control, sending, path, faults),
  };
}

function read(schema, place, control, sending, path, faults) {
  const value = control.value.trim();
  if (sending.isBusy()) faults.push({ path, message: t("still_uploading") });
  else if (value === "" && place.required) faults.push({ path, message: t("give_file") });
  else if (value !== "") {
    const fault = faultOf(schema, value);
    if (fault) faults.push({ path, message: t(...fault) });
  }
  return value === "" ? undefined : value;
}

/** The uploads of one field: a newer one ends the one before. */
function uploads({ control, state, framed }) {
  let current = null;
  const forget = () => {
    current?.abort();
    current = null;
    state.hidden = true;
    state.replaceChildren();
  };
  const begin = async (chosen) => {
    forget();
    framed.clear();
    const mine = new AbortController();
    current = mine;
    const bar = h("progress", { max: 1, value: 0, "aria-label": t("uploading", { name: chosen.name }) });
    const share = h("span", { class: "muted" }, "0 %");
    const stop = h("button", { type: "button", class: "small" }, t("stop"));
    stop.addEventListener("click", () => {
      forget();
      framed.focus();
    });
    state.replaceChildren(h("span", { class: "file" }, chosen.name), bar, share, stop);
    state.hidden = false;
    const onProgress = (done) => {
      bar.value = done;
      share.textContent = `${number(100 * done, 0)} %`;
    };
    try {
      const stored = await upload(chosen, { onProgress, signal: mine.signal });
      if (current !== mine) return;
      current = null;
      control.value = stored.url;
      state.replaceChildren(
        ...thumbnail(chosen),
        h("span", { class: "file" }, chosen.name),
        h("span", { class: "muted" }, bytes(chosen.size)),
      );
      announce(t("uploaded", { name: chosen.name }));
    } catch (error) {
      if (error.name === "AbortError" || current !== mine) return;
      forget();
      framed.show(sentenceOf(error));
    }
    changed(framed.element);
  };
  return { begin, forget, isBusy: () => current !== null };
}

function thumbnail(file) {
  if (!/^image\/(png|jpeg|webp|gif|avif|bmp)$/.test(file.type)) return [];
  const address = URL.createObjectURL(file);
  const image = h("img", { src: address, alt: "", class: "thumbnail" });
  image.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
  image.addEventListener("error", () => image.remove(), { once: true });
  return [image];
}

/** Lets files be dropped on an element. */
export function droppable(element, onFiles) {
  const mark = (isOver) => element.classList.toggle("over", isOver);
  element.addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    mark(true);
  });
  element.addEventListener("dragleave", () => mark(false));
  element.addEventListener("drop", (event) => {
    mark(false);
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    event.stopPropagation();
    onFiles([...event.dataTransfer.files]);
  });
}
