// The graph of a plan as a picture. The plan is written as DOT, Graphviz lays it out, the stylesheet colours it.

const SHAPES = { input: "note", output: "note", upload: "cds", download: "cds" };

/** The plan as DOT. Boxes and arrows carry classes for the stylesheet. */
export function dotOf(plan, { direction = "LR" } = {}) {
  const lines = plan.nodes.map((node) => {
    const owner = node.owner && node.kind === "filter" ? `\n(${node.owner})` : "";
    const attributes = {
      label: wrapped(node.label) + owner,
      shape: SHAPES[node.kind] ?? "box",
      class: `node-${node.domain}`,
    };
    return `  ${quoted(node.id)} [${listed(attributes)}];`;
  });
  const arrows = plan.links.map((link) => {
    const attributes = { label: linkWords(link), class: link.transfer ? "edge-transfer" : `edge-${link.domain}` };
    return `  ${quoted(link.source)} -> ${quoted(link.target)} [${listed(attributes)}];`;
  });
  return [
    "digraph plan {",
    `  rankdir=${direction}; bgcolor=transparent; nodesep=0.3; ranksep=0.35;`,
    '  node [fontname="Helvetica", fontsize=12, margin="0.16,0.08"]; edge [fontname="Helvetica", fontsize=10];',
    ...lines,
    ...arrows,
    "}",
  ].join("\n");
}

const quoted = (text) => JSON.stringify(text).replace(/\\u[0-9a-f]{4}/g, " ");

const listed = (attributes) =>
  Object.entries(attributes)
    .map(([name, value]) => `${name}=${quoted(value)}`)
    .join(", ");

const MOST_LETTERS = 26;

/** Long labels break between words. */
function wrapped(text) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1) && `${lines.at(-1)} ${word}`.length > MOST_LETTERS) lines.push(word);
    else lines[lines.length - 1] = `${lines.at(-1)} ${word}`.trim();
  }
  return lines.join("\n");
}

function linkWords(link) {
  if (link.kind === "audio" || !link.pix_fmt) return "";
  const words = `${link.pix_fmt}\n${link.width}×${link.height}`;
  return link.transfer ? `${words}\n${(link.bytes_per_s / 1e6).toFixed(1)} MB/s` : words;
}

let graphviz = null;

/** An SVG element. Graphviz, 1.2 MB, is loaded when the first graph is wanted. */
export async function drawn(dot) {
  graphviz ??= import("../vendor/viz.js").then((module) => module.instance());
  const svg = (await graphviz).renderSVGElement(dot);
  for (const title of svg.querySelectorAll("title")) title.remove();
  svg.classList.add("graph");
  return svg;
}
