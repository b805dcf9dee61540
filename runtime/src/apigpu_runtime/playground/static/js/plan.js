// A dry run: what would be run, where every frame would live, what it would cost.

import { askJson, sentenceOf } from "./api.js";
import { copyButton, facts, h, page } from "./dom.js";
import { dotOf, drawn } from "./graph.js";
import { bytes, hasSentence, money, number, rate, seconds, t } from "./words.js";

export function planPanel(panel, { path, again, onPlan, onProblem }) {
  const state = h("p", { class: "state", role: "status" });
  const body = h("div", { class: "plan-body" });
  const target = h(
    "select",
    { id: "target" },
    ["auto", ...page.targets].map((name) => h("option", { value: name }, name === "auto" ? t("target_auto") : name)),
  );
  const choice = h("div", { class: "plan-for" }, h("label", { for: "target" }, t("plan_for")), target);
  panel.replaceChildren(choice, h("p", { class: "hint" }, t("plan_empty")), state, body);
  target.addEventListener("change", again);

  return async (value) => {
    panel.querySelector(".hint")?.remove();
    body.replaceChildren();
    state.className = "state busy";
    state.textContent = t("plan_making");
    try {
      const query = target.value === "auto" ? "" : `?target=${target.value}`;
      const answer = await askJson("POST", `${path}/dry-run${query}`, { body: value });
      const { plan } = answer;
      state.className = "state";
      state.textContent = t("plan_made");
      body.replaceChildren(...shown(plan, answer));
      onPlan(plan);
      await putGraph(body.querySelector(".graph-place"), plan);
    } catch (error) {
      state.className = "state broken";
      state.textContent = sentenceOf(error);
      onProblem(error);
    }
  };
}

function shown(plan, answer) {
  return [
    summary(plan, answer),
    warnings(plan.warnings ?? []),
    h("div", { class: "graph-head" }, h("h2", { class: "minor" }, t("graph")), legend(plan)),
    h("div", { class: "graph-place", tabindex: 0, role: "img", "aria-label": inWords(plan) }),
    transfers(plan),
    command(answer),
  ];
}

function summary(plan, answer) {
  const { output, estimate } = plan;
  const picture = output.width ? `${output.width} × ${output.height}, ${rate(output.frame_rate)} fps` : "";
  return facts([
    [t("target"), [plan.target, plan.device].filter(Boolean).join(", ")],
    [t("result"), [output.container.toUpperCase(), picture].filter(Boolean).join(", ")],
    [t("duration"), seconds(output.duration_s)],
    [t("decoders"), (plan.decoders ?? []).join(", ")],
    [t("encoder"), [output.video, output.audio].filter(Boolean).join(" + ")],
    [t("machine_time"), seconds(estimate.machine_s)],
    [t("cost"), estimate.usd ? money(estimate.usd) : t("own_machine")],
    [t("media_facts"), sources(answer.facts_from)],
    ["FFmpeg", plan.ffmpeg],
  ]);
}

const sources = (byPlace) => [...new Set(Object.values(byPlace))].map((word) => t(`facts_${word}`)).join(", ");

export function warnings(list) {
  if (!list.length) return h("span", { hidden: true });
  return h(
    "div",
    { class: "notice" },
    h("h2", { class: "minor" }, t("warnings")),
    h(
      "ul",
      {},
      list.map((warning) => h("li", {}, warning.message)),
    ),
  );
}

function legend(plan) {
  const domains = [...new Set(plan.nodes.map((node) => node.domain))];
  const marks = domains.map((domain) =>
    h(
      "li",
      {},
      h("span", { class: `swatch swatch-${domain}` }),
      hasSentence(`home_${domain}`) ? t(`home_${domain}`) : domain,
    ),
  );
  if (plan.links.some((link) => link.transfer))
    marks.push(h("li", {}, h("span", { class: "swatch swatch-transfer" }), t("home_transfer")));
  return h("ul", { class: "legend" }, marks);
}

/** The graph for those who do not see it. */
function inWords(plan) {
  const names = new Map(plan.nodes.map((node) => [node.id, `${node.label} (${node.domain})`]));
  const arrows = plan.links.map((link) => `${names.get(link.source)} → ${names.get(link.target)}`);
  return `${t("graph")}: ${arrows.join("; ")}`;
}

function transfers(plan) {
  const crossing = plan.links.filter((link) => link.transfer);
  if (!crossing.length) return h("p", { class: "muted" }, t("no_transfers"));
  const total = crossing.reduce((sum, link) => sum + link.bytes_per_s, 0) * plan.output.duration_s;
  const each = crossing.map((link) =>
    h(
      "li",
      {},
      t(link.transfer === "upload" ? "to_gpu" : "to_system"),
      ` ${link.pix_fmt} ${link.width}×${link.height}, ${bytes(link.bytes_per_s)}/s`,
    ),
  );
  return h(
    "div",
    {},
    h("h2", { class: "minor" }, t("transfers")),
    h("ul", {}, each),
    h("p", { class: "muted" }, t("transfers_total", { total: bytes(total) })),
  );
}

function command({ command: text, argv }) {
  return h(
    "div",
    { class: "code" },
    h(
      "div",
      { class: "code-head" },
      h("h2", { class: "minor" }, t("command")),
      h("span", { class: "muted" }, t("arguments", { count: number(argv.length) })),
      copyButton(text, t("copy_command")),
    ),
    h("pre", { tabindex: 0 }, h("code", {}, text)),
  );
}

/** A word as a shell takes it. */
export const shellWord = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

async function putGraph(place, plan) {
  const isNarrow = place.clientWidth < 520;
  try {
    place.replaceChildren(await drawn(dotOf(plan, { direction: isNarrow ? "TB" : "LR" })));
  } catch (error) {
    place.replaceChildren(
      h("p", { class: "state broken" }, t("graph_failed", { reason: String(error.message ?? error) })),
    );
  }
}
