// One real frame of the result, made again as the fields change.

import { ask, sentenceOf } from "./api.js";
import { debounced, h } from "./dom.js";
import { seconds, t } from "./words.js";

const PAUSE_MS = 700;

/** `request()` gives {value, faults}; `onProblem` is told of what the server refuses. */
export function previewPanel(panel, { path, request, onProblem }) {
  const image = h("img", { alt: "", hidden: true });
  const hint = h("p", { class: "hint" }, t("preview_empty"));
  const state = h("p", { class: "state", role: "status" });
  const slider = h("input", { type: "range", min: 0, max: 5, step: 0.05, value: 0, id: "at" });
  const shown = h("output", { for: "at" }, "–");
  const time = h("div", { class: "time" }, h("label", { for: "at" }, t("frame_at")), slider, shown);
  const auto = h("input", { type: "checkbox", id: "auto-preview" });
  auto.checked = true;
  const again = h("button", { type: "button", class: "small", id: "preview-now" }, t("preview_now"));
  const switches = h(
    "div",
    { class: "switches" },
    h("span", { class: "switch" }, auto, h("label", { for: "auto-preview" }, t("preview_auto"))),
    again,
  );
  panel.replaceChildren(h("figure", { class: "frame" }, hint, image), time, switches, state);

  let current = null;
  let address = "";
  // Until somebody moves it, the frame is the one in the middle, wherever that is.
  let isMoved = false;

  const show = async () => {
    current?.abort();
    const { value, faults } = request();
    if (faults.length) {
      state.textContent = "";
      if (image.hidden) hint.textContent = t("preview_empty");
      return;
    }
    const mine = new AbortController();
    current = mine;
    state.className = "state busy";
    state.textContent = t("preview_making");
    try {
      const response = await ask("POST", `${path}/preview${isMoved ? `?at=${Number(slider.value)}` : ""}`, {
        body: value,
        headers: { Accept: "image/*, application/json" },
        signal: mine.signal,
      });
      const picture = await response.blob();
      if (current !== mine) return;
      put(picture, response);
      onProblem(null);
    } catch (error) {
      if (error.name === "AbortError" || current !== mine) return;
      if (isMoved && error.errors?.some((fault) => fault.path === "at")) {
        // The result has become shorter than the moment that was chosen.
        isMoved = false;
        show();
        return;
      }
      // A request that is not finished yet is no reason to shout.
      state.className = error.status >= 400 && error.status < 500 ? "state" : "state broken";
      state.textContent = sentenceOf(error);
      onProblem(error);
    }
  };
  const put = (picture, response) => {
    const old = address;
    address = URL.createObjectURL(picture);
    image.src = address;
    image.hidden = false;
    hint.hidden = true;
    if (old) URL.revokeObjectURL(old);
    state.className = "state";
    const at = Number(response.headers.get("X-Preview-At"));
    if (!isMoved && at > 0) {
      setDuration(2 * at);
      slider.value = String(at);
      tell();
    }
    image.alt = t("preview_alt", { at: seconds(at) });
    state.textContent = t("preview_made", { at: seconds(at) });
  };
  const setDuration = (duration) => {
    slider.max = String(Math.max(0.05, Number(duration.toFixed(3))));
    slider.step = String(duration > 60 ? 0.5 : 0.05);
    tell();
  };
  const tell = () => (shown.textContent = `${seconds(Number(slider.value))} / ${seconds(Number(slider.max))}`);
  const soon = debounced(show, PAUSE_MS);
  slider.addEventListener("input", () => {
    isMoved = true;
    tell();
    soon();
  });
  again.addEventListener("click", show);
  auto.addEventListener("change", () => auto.checked && soon());
  return { changed: () => auto.checked && soon(), setDuration };
}
