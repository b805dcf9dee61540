// The list of jobs, kept up to date while somebody looks.

import { ask, askJson } from "./api.js";
import { byId, h, page } from "./dom.js";
import { isFinal, statusMark } from "./job_view.js";
import { number, seconds, t, time } from "./words.js";

const STATUSES = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"];
const POLL_MS = 2500;
const LIMIT = 20;

const status = choice(
  "status",
  STATUSES.map((word) => [word, t(`status_${word}`)]),
);
const operation = choice(
  "operation",
  page.operations.map((name) => [name, name]),
);
const state = h("p", { class: "state", role: "status" });
byId("filters").append(
  h("div", {}, h("label", { for: "status" }, t("status")), status),
  h("div", {}, h("label", { for: "operation" }, t("operation")), operation),
);
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("filters").addEventListener("change", () => {
  shownPages = 1;
  load();
});

let shownPages = 1;
let latest = 0;

function choice(id, entries) {
  const chosen = new URLSearchParams(location.search).get(id) ?? "";
  const options = [["", t("all")], ...entries].map(([value, label]) =>
    h("option", { value, selected: value === chosen }, label),
  );
  return h("select", { id, name: id }, options);
}

async function load() {
  const mine = ++latest;
  const query = new URLSearchParams({ limit: LIMIT });
  if (status.value) query.set("status", status.value);
  if (operation.value) query.set("operation", operation.value);
  try {
    const jobs = [];
    let next = `/jobs?${query}`;
    for (let count = 0; next && count < shownPages; count += 1) {
      const answer = await askJson("GET", next);
      jobs.push(...answer.items);
      next = answer.next;
    }
    if (mine !== latest) return;
    state.textContent = "";
    draw(jobs, Boolean(next));
    watch(jobs);
  } catch (error) {
    state.className = "state broken";
    state.textContent = error.message;
    watch([{ status: "" }]);
  }
}

let timer = 0;
function watch(jobs) {
  clearTimeout(timer);
  if (jobs.every(isFinal)) return;
  timer = setTimeout(() => (document.hidden ? watch(jobs) : load()), POLL_MS);
}

function draw(jobs, hasMore) {
  const focused = document.activeElement?.id;
  const list = byId("jobs");
  if (!jobs.length) {
    list.replaceChildren(state, h("p", { class: "hint" }, t("no_jobs")));
    return;
  }
  const heads = ["status", "operation", "created", "took", "actions"].map((key) => h("th", { scope: "col" }, t(key)));
  const table = h("table", { class: "jobs" }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, jobs.map(row)));
  const more = h(
    "button",
    { type: "button", id: "more", hidden: !hasMore, on: { click: () => ((shownPages += 1), load()) } },
    t("show_more"),
  );
  list.replaceChildren(state, table, more);
  if (focused) byId(focused)?.focus();
}

function row(job) {
  const address = `${page.root}/play/jobs/${job.id}`;
  const progress = job.progress?.fraction;
  const share = job.status === "IN_PROGRESS" && typeof progress === "number" ? ` ${number(100 * progress, 0)} %` : "";
  const why = job.error?.message ?? job.waiting?.message;
  const cells = [
    ["status", [statusMark(job.status), share, why ? h("p", { class: "why" }, why) : null]],
    ["operation", h("a", { href: address, id: `open-${job.id}` }, job.operation)],
    ["created", h("time", { datetime: job.created_at }, time(job.created_at))],
    ["took", typeof job.execution?.durationSeconds === "number" ? seconds(job.execution.durationSeconds) : "–"],
    ["actions", actions(job, address)],
  ];
  return h(
    "tr",
    {},
    cells.map(([key, content]) => h("td", { "data-label": t(key) }, content)),
  );
}

function actions(job, address) {
  const name = `${job.operation} ${job.id}`;
  const openIt = h("a", { class: "button small", href: address, "aria-label": `${t("open")} ${name}` }, t("open"));
  if (isFinal(job)) return [openIt];
  const cancel = h(
    "button",
    { type: "button", class: "small danger", id: `cancel-${job.id}`, "aria-label": `${t("cancel")} ${name}` },
    t("cancel"),
  );
  cancel.addEventListener("click", async () => {
    cancel.disabled = true;
    try {
      await ask("DELETE", `/jobs/${job.id}`);
    } catch (error) {
      state.textContent = error.message;
    }
    load();
  });
  return [openIt, " ", cancel];
}

document.addEventListener("visibilitychange", () => document.hidden || load());
load();
