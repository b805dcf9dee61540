// How a job ended: the video and what ran, or what went wrong.

import { copyButton, facts, h, page } from "./dom.js";
import { shellWord, warnings } from "./plan.js";
import { bytes, hasSentence, money, number, rate, seconds, t, time } from "./words.js";

export function ended(job) {
  if (job.status === "COMPLETED") return completed(job);
  if (job.error) return [failed(job.error)];
  return [h("p", { class: "notice" }, job.message)];
}

function completed(job) {
  const result = job.result ?? {};
  const file = result.outputs?.[0];
  const address = job.video_url ?? file?.url;
  const parts = [];
  if (address) {
    const video = h("video", { controls: true, src: sameOrigin(address), preload: "metadata", playsinline: true });
    const unplayable = h("p", { class: "notice", hidden: true }, t("cannot_play"));
    video.addEventListener("error", () => (unplayable.hidden = false));
    const saved = `${page.root}/jobs/${job.id}/result`;
    parts.push(
      video,
      unplayable,
      h(
        "p",
        { class: "row-actions" },
        h("a", { class: "button", href: saved, download: "" }, t("download")),
        copyButton(new URL(address, location).href, t("copy_address"), { isNamed: true }),
      ),
    );
  }
  parts.push(fileFacts(file), warnings(result.warnings ?? []), ranFacts(result), timingFacts(result, job));
  return parts.filter(Boolean);
}

/** Addresses of this server may name it by another of its names, which the page may not load from. */
function sameOrigin(address) {
  const found = new URL(address, location);
  const isOwn = found.pathname.startsWith(`${page.root}/files/`) || found.pathname.startsWith(`${page.root}/jobs/`);
  return isOwn ? found.pathname + found.search : found.href;
}

function fileFacts(file) {
  if (!file) return null;
  return facts([
    [t("picture"), file.width ? `${file.width} × ${file.height}` : ""],
    [t("frame_rate"), file.frame_rate ? `${rate(file.frame_rate)} fps` : ""],
    [t("duration"), seconds(file.duration_s)],
    [t("size"), bytes(file.size_bytes)],
    ["SHA-256", h("code", { class: "hash" }, file.sha256), true],
  ]);
}

function ranFacts({ ran, realtime_factor: factor, cost_usd: cost, worker }) {
  if (!ran) return null;
  const filters = Object.entries(ran.filters ?? {}).map(([domain, names]) => `${domain}: ${names.join(", ")}`);
  const list = facts([
    [t("rung"), ran.rung],
    [t("target"), [ran.target, ran.device].filter(Boolean).join(", ")],
    [t("decoders"), (ran.decoders ?? []).join(", ")],
    [t("filters_ran"), filters.join("; "), true],
    [t("encoder"), [ran.encoder, ran.audio_encoder].filter(Boolean).join(" + ")],
    [t("speed"), factor ? t("times_realtime", { factor: number(factor, 1) }) : ""],
    [t("cost"), typeof cost === "number" ? money(cost) : ""],
    ["FFmpeg", ran.ffmpeg],
    [t("worker"), [worker?.id, worker?.version].filter(Boolean).join(", ")],
  ]);
  const reasons = ran.reasons?.length
    ? h(
        "ul",
        { class: "reasons" },
        ran.reasons.map((reason) => h("li", {}, reason)),
      )
    : null;
  return h(
    "div",
    {},
    h("h2", { class: "minor" }, t("what_ran")),
    list,
    reasons && h("p", { class: "muted" }, t("why_not_higher")),
    reasons,
  );
}

function timingFacts({ timings }, job) {
  if (!timings) return null;
  const names = ["queue", "fetch", "probe", "gpu_wait", "render", "upload", "total"];
  const rows = names.map((name) => [t(`timing_${name}`), timings[`${name}_s`] ? seconds(timings[`${name}_s`]) : ""]);
  return h(
    "div",
    {},
    h("h2", { class: "minor" }, t("timings")),
    facts([...rows, [t("created"), time(job.created_at)]]),
  );
}

function failed(error) {
  const command = (error.argv ?? []).map(shellWord).join(" ");
  const log = [error.stderr_head, error.stderr_tail].filter(Boolean);
  const parts = [
    h("p", {}, h("strong", {}, error.message)),
    error.remedy ? h("p", {}, error.remedy) : null,
    facts([
      [t("code"), h("code", {}, error.code)],
      [t("field"), error.where ? h("code", {}, error.where) : ""],
      [t("fault_of"), hasSentence(`fault_${error.fault}`) ? t(`fault_${error.fault}`) : ""],
    ]),
    error.retryable ? h("p", {}, t("retryable")) : null,
    command
      ? h(
          "details",
          {},
          h("summary", {}, t("command")),
          h("pre", { tabindex: 0 }, command),
          copyButton(command, t("copy_command")),
        )
      : null,
    log.length
      ? h("details", {}, h("summary", {}, t("log")), h("pre", { tabindex: 0 }, [...new Set(log)].join("\n…\n")))
      : null,
  ];
  return h("div", { class: "notice broken" }, parts);
}
