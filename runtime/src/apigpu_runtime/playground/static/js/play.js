// The page of an operation, or of a pipeline.

import { askJson } from "./api.js";
import { announce, byId, page, tabs } from "./dom.js";
import { faultsShown, forgetFault } from "./faults.js";
import { makeForm } from "./form.js";
import { jobView } from "./job_view.js";
import { watchSteps } from "./pipeline.js";
import { planPanel } from "./plan.js";
import { previewPanel } from "./preview.js";
import { codePanel } from "./snippets.js";
import { t } from "./words.js";

const path = `/video/${page.operation}`;
const DRAFT = `apigpu:${page.operation}`;
const element = byId("form");
const own = makeForm(page.schema, byId("fields"));
const options = makeForm(page.options, byId("options"), { opensGroups: true });
const open = tabs(document.querySelector("[role=tablist]"));
if (page.operation === "pipeline") watchSteps(own);

function read() {
  const [fields, more] = [own.read(), options.read()];
  return { value: { ...fields.value, ...more.value }, faults: [...fields.faults, ...more.faults] };
}

const find = (place) => own.at(place) ?? options.at(place);
const faults = faultsShown(find);

function clearFaults() {
  faults.clear();
  own.clear();
  options.clear();
}

/** The request, if nothing is wrong that can be seen here; else it is shown. */
function checked() {
  clearFaults();
  const request = read();
  if (!request.faults.length) return request.value;
  faults.show(request.faults);
  return null;
}

function showProblem(error, { isAsked = true } = {}) {
  const places = error.errors?.length
    ? error.errors
    : [{ path: error.where ?? "", message: error.message, remedy: error.remedy }];
  faults.show(places, { message: error.message, remedy: error.remedy, isAsked });
}

const preview = previewPanel(byId("panel-preview"), {
  path,
  request: read,
  onProblem: (error) => {
    clearFaults();
    // Nobody asked for it, so the focus stays where somebody types.
    if (error?.errors?.length) showProblem(error, { isAsked: false });
  },
});
const plan = planPanel(byId("panel-plan"), {
  path,
  again: dryRun,
  onPlan: (found) => preview.setDuration(found.output.duration_s),
  onProblem: showProblem,
});
const job = jobView(byId("panel-result"), { onFailure: (failure) => failure.where && showProblem(failure) });
const drawCode = codePanel(byId("panel-code"), { path, operation: page.operation, request: read });
byId("panel-result").textContent = t("result_empty");
byId("panel-result").classList.add("hint");

/** Opens a tab, and brings it into view where it lies below the form. */
function show(tab) {
  open(tab);
  const outcome = document.querySelector(".outcome");
  if (outcome.getBoundingClientRect().top > innerHeight / 2) outcome.scrollIntoView();
}

async function run() {
  const value = checked();
  if (!value) return;
  show("tab-result");
  byId("panel-result").classList.remove("hint");
  job.busy(t("sending"));
  announce(t("sending"));
  byId("run").disabled = true;
  try {
    job.follow(await askJson("POST", path, { body: value, headers: { Prefer: "respond-async" } }));
  } catch (error) {
    job.refused(error);
    showProblem(error);
  }
  byId("run").disabled = false;
}

function dryRun() {
  const value = checked();
  if (!value) return;
  show("tab-plan");
  plan(value);
}

function save() {
  try {
    sessionStorage.setItem(DRAFT, JSON.stringify(read().value));
  } catch {
    // A draft is a courtesy: browsers may refuse it.
  }
}

function restore() {
  try {
    const { ...value } = JSON.parse(sessionStorage.getItem(DRAFT) ?? "{}");
    own.write(value);
    options.write(value);
    return Object.keys(value).length > 0;
  } catch {
    return false;
  }
}

function onChange(event) {
  forgetFault(event.target);
  preview.changed();
  save();
  if (!byId("panel-code").hidden) drawCode();
}

element.addEventListener("input", onChange);
element.addEventListener("change", onChange);
element.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
byId("dry-run").addEventListener("click", dryRun);
byId("reset").addEventListener("click", () => {
  own.write({});
  options.write({});
  clearFaults();
  save();
  announce(t("was_reset"));
});
document.querySelector("[role=tablist]").addEventListener("opened", (event) => {
  if (event.detail === "tab-code") drawCode();
});
// A file that misses its field must not replace the page.
for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
if (restore()) preview.changed();
document.documentElement.dataset.ready = "true";
