// The module that the page takes once: every view, and what mounts a panel of them.
import inspector from "./inspector/inspector.css";
import graph from "./render/graph.css";
import theme from "./shared/theme.css";
import backends from "./backends/backends.css";
import code from "./code/code.css";
import steps from "./stepper/stepper.css";
import plan from "./plan/plan.css";
import plots from "./plots/plots.css";
import { Panel } from "./panel";
import type { Model } from "./shared/protocol";

/** Styles stand where the element is: in the page, or in the shadow of a host that keeps widgets apart. */
function dress(host: HTMLElement): void {
  const root = host.getRootNode();
  const place = root instanceof ShadowRoot ? root : document.head;
  if (place.querySelector("style[data-wb]")) return;
  const style = document.createElement("style");
  style.setAttribute("data-wb", "");
  style.textContent = theme + graph + inspector + steps + code + backends + plots + plan;
  place.append(style);
}

export function mount(model: Model, host: HTMLElement): () => void {
  dress(host);
  const panel = new Panel(model, host);
  return () => panel.close();
}
