// The menu of files that a drawing can be saved as.
import { button, el } from "../shared/dom";

const TITLES: Record<string, string> = { svg: "SVG", png: "PNG", dot: "DOT", html: "HTML" };

export function saveMenu(actions: Record<string, () => void | Promise<void>>): HTMLElement {
  const failed = el("span", { class: "wb-warn", role: "alert" });
  const act = async (save: () => void | Promise<void>) => {
    failed.textContent = "";
    try {
      await save();
    } catch (error) {
      failed.textContent = error instanceof Error ? error.message : String(error);
    }
    menu.open = false;
  };
  const menu = el("details", { class: "wb-menu" }, el("summary", { class: "wb-button" }, "save"),
    el("div", { class: "wb-menu-items" }, ...Object.entries(actions).map(([name, save]) => button(TITLES[name], `export-${name}`, () => void act(save), `save the drawing as ${TITLES[name]}`))));
  menu.addEventListener("keydown", (e) => {
    if (e.key === "Escape") menu.open = false;
  });
  return el("span", { class: "wb-files" }, menu, failed);
}
