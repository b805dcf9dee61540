// One job as it goes on: progress, why it waits, the video, what ran, or what went wrong.

import { ask, askJson, sentenceOf } from "./api.js";
import { announce, copyButton, facts, h, page } from "./dom.js";
import { shellWord, warnings } from "./plan.js";
import { bytes, hasSentence, money, number, rate, seconds, t, time } from "./words.js";

const FINAL = new Set(["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]);
const POLL_MS = 2000;

export const isFinal = (job) => FINAL.has(job.status);

export const statusMark = (status) =>
  h("span", { class: `status status-${status.toLowerCase()}` }, hasSentence(`status_${status}`) ? t(`status_${status}`) : status);

/** `onFailure` is told the failure of a job, to put it beside the field that is at fault. */
export function jobView(panel, { onFailure = () => {}, showLink = true } = {}) {
  const status = h("div", { class: "job-head" });
  const bar = h("progress", { max: 1, "aria-label": t("progress") });
  const stage = h("p", { class: "stage" });
  const waiting = h("div", { class: "notice", hidden: true });
  const cancel = h("button", { type: "button", class: "danger", id: "cancel" }, t("cancel"));
  const running = h("div", { class: "running" }, bar, stage, waiting, cancel);
  const outcome = h("div", { class: "job-outcome" });
  let stop = () => {};
  let known = null;

  const draw = (job) => {
    const isNews = known?.status !== job.status;
    known = job;
    status.replaceChildren(...head(job, showLink));
    running.hidden = isFinal(job);
    if (isNews) announce(t("job_is", { status: t(`status_${job.status}`) }));
    if (!isFinal(job)) return drawRunning(job);
    stop();
    outcome.replaceChildren(...ended(job));
    if (job.error && isNews) onFailure(job.error);
    return undefined;
  };
  const drawRunning = (job) => {
    const progress = job.status === "IN_PROGRESS" ? job.progress : null;
    if (typeof progress?.fraction === "number") bar.value = progress.fraction;
    else bar.removeAttribute("value");
    stage.textContent = stageWords(job, progress);
    waiting.hidden = !job.waiting;
    if (job.waiting) waiting.replaceChildren(h("p", {}, sentenceOf(job.waiting)));
  };
  cancel.addEventListener("click", async () => {
    cancel.disabled = true;
    try {
      await ask("DELETE", known.links?.self ?? `/jobs/${known.id}`);
      draw(await askJson("GET", `/jobs/${known.id}`));
    } catch (error) {
      stage.textContent = error.message;
    }
    cancel.disabled = false;
  });

  return {
    /** Shows a job and follows it until its end. */
    follow: (job) => {
      stop();
      known = null;
      outcome.replaceChildren();
      panel.replaceChildren(status, running, outcome);
      draw(job);
      if (!isFinal(job)) stop = watched(job, draw);
    },
    busy: (sentence) => {
      stop();
      panel.replaceChildren(h("p", { class: "state busy", role: "status" }, sentence));
    },
    refused: (error) => {
      const words = h("div", { class: "notice broken", role: "alert" }, h("p", {}, sentenceOf(error)));
      panel.replaceChildren(words);
    },
  };
}

/** Follows a job by server-sent events, and by asking where these break off. */
function watched(job, draw) {
  const source = new EventSource(`${page.root}/jobs/${job.id}/events`);
  let isOver = false;
  let isQueued = job.status === "IN_QUEUE";
  const take = (found) => {
    // An answer that was asked for before the end may come after it.
    if (isOver) return;
    isQueued = found.status === "IN_QUEUE";
    draw(found);
  };
  const poll = async () => {
    try {
      take(await askJson("GET", `/jobs/${job.id}`));
    } catch (error) {
      if (error.status === 404) stop();
    }
  };
  // Why a job waits changes without an event, and a stream may break off for good.
  const timer = setInterval(() => {
    if (isQueued || source.readyState === EventSource.CLOSED) poll();
  }, POLL_MS);
  const stop = () => {
    isOver = true;
    source.close();
    clearInterval(timer);
  };
  source.addEventListener("message", (event) => take(JSON.parse(event.data)));
  return stop;
}

function head(job, showLink) {
  const link = h("a", { href: `${page.root}/play/jobs/${job.id}` }, t("open_job"));
  const name = showLink ? [h("code", { class: "id" }, job.id), copyButton(job.id, t("copy_id")), link] : [h("span", {}, job.operation)];
  return [statusMark(job.status), ...name];
}

function stageWords(job, progress) {
  if (!progress) return job.status === "IN_QUEUE" ? t("stage_queue") : t("stage_begins");
  const words = [t(`stage_${progress.stage}`)];
  if (typeof progress.fraction === "number") words.push(`${number(100 * progress.fraction, 0)} %`);
  if (progress.fps) words.push(`${number(progress.fps, 0)} fps`);
  if (progress.speed) words.push(`${number(progress.speed, 1)}×`);
  if (progress.eta_s) words.push(t("eta", { time: seconds(progress.eta_s) }));
  return words.join(" · ");
}

function ended(job) {
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
    parts.push(video, unplayable, h("p", { class: "row-actions" }, h("a", { class: "button", href: saved, download: "" }, t("download")), copyButton(new URL(address, location).href, t("copy_address"), { isNamed: true })));
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
  const reasons = ran.reasons?.length ? h("ul", { class: "reasons" }, ran.reasons.map((reason) => h("li", {}, reason))) : null;
  return h("div", {}, h("h3", {}, t("what_ran")), list, reasons && h("p", { class: "muted" }, t("why_not_higher")), reasons);
}

function timingFacts({ timings }, job) {
  if (!timings) return null;
  const names = ["queue", "fetch", "probe", "gpu_wait", "render", "upload", "total"];
  const rows = names.map((name) => [t(`timing_${name}`), timings[`${name}_s`] ? seconds(timings[`${name}_s`]) : ""]);
  return h("div", {}, h("h3", {}, t("timings")), facts([...rows, [t("created"), time(job.created_at)]]));
}

function failed(error) {
  const command = (error.argv ?? []).map(shellWord).join(" ");
  const log = [error.stderr_head, error.stderr_tail].filter(Boolean);
  const parts = [
    h("p", {}, h("strong", {}, error.message)),
    error.remedy ? h("p", {}, error.remedy) : null,
    facts([[t("code"), h("code", {}, error.code)], [t("field"), error.where ? h("code", {}, error.where) : ""], [t("fault_of"), hasSentence(`fault_${error.fault}`) ? t(`fault_${error.fault}`) : ""]]),
    error.retryable ? h("p", {}, t("retryable")) : null,
    command ? h("details", {}, h("summary", {}, t("command")), h("pre", { tabindex: 0 }, command), copyButton(command, t("copy_command"))) : null,
    log.length ? h("details", {}, h("summary", {}, t("log")), h("pre", { tabindex: 0 }, [...new Set(log)].join("\n…\n"))) : null,
  ];
  return h("div", { class: "notice broken" }, parts);
}
