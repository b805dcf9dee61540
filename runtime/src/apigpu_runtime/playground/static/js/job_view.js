// One job as it goes on: progress, why it waits, and then how it ended.

import { ask, askJson, sentenceOf } from "./api.js";
import { announce, copyButton, h, page } from "./dom.js";
import { ended } from "./job_outcome.js";
import { hasSentence, number, seconds, t } from "./words.js";

const FINAL = new Set(["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]);
const POLL_MS = 2000;

export const isFinal = (job) => FINAL.has(job.status);

export const statusMark = (status) =>
  h(
    "span",
    { class: `status status-${status.toLowerCase()}` },
    hasSentence(`status_${status}`) ? t(`status_${status}`) : status,
  );

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
  const name = showLink
    ? [h("code", { class: "id" }, job.id), copyButton(job.id, t("copy_id")), link]
    : [h("span", {}, job.operation)];
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
