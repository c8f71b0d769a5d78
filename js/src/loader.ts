// All the JavaScript that is stored with a widget. The module behind it comes from the kernel, once for a page.

interface Loading { module: Promise<{ mount(model: any, host: HTMLElement): () => void }>; settle(text: string): void; waiting: number; done: boolean }

const LOADED = Symbol.for("workbench.modules");
const AGAIN = 400;
const TURN = 1500;
const SILENT = 6000;

function loading(hash: string): Loading {
  const all: Map<string, Loading> = ((globalThis as any)[LOADED] ??= new Map());
  let found = all.get(hash);
  if (!found) {
    let settle!: (text: string) => void;
    const module = new Promise<string>((resolve) => (settle = resolve)).then(async (text) => {
      const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      try {
        return await import(/* @vite-ignore */ url);
      } finally {
        URL.revokeObjectURL(url);
      }
    });
    found = { module, settle, waiting: 0, done: false };
    all.set(hash, found);
  }
  return found;
}

/** What a run has come to, where nothing but what the widget holds tells of it. */
function told(status: unknown): string {
  try {
    const { state, made, whole, rate, worst, message, elapsed } = JSON.parse(String(status));
    return [state === "compiling" ? `${state}: ${elapsed} s so far` : `${state}: ${made.toLocaleString("en")} of ${whole.toLocaleString("en")} draws`, rate && `${Math.round(rate).toLocaleString("en")} a second`,
      worst && `the worst R-hat is ${worst[1].toFixed(3)}, of ${worst[0]}`, message, state !== "done" && state !== "stopped" && "interrupt the kernel to stop and keep the draws"].filter(Boolean).join("; ");
  } catch {
    return "";
  }
}

/** Ask for the module until it is there: the first widget at once, others in their turn, should the first be gone. */
function ask(model: any, from: Loading, note: HTMLElement): () => void {
  const begun = Date.now();
  const listener = (content: any) => {
    if (content?.t !== "module" || from.done) return;
    from.done = true;
    from.settle(content.text);
  };
  const tell = () => {
    const text = told(model.get("status"));
    if (text && !from.done) note.textContent = text;
  };
  model.on("msg:custom", listener);
  model.on("change:status", tell);
  tell();
  let timer: ReturnType<typeof setTimeout>;
  const go = () => {
    if (from.done) return;
    if (Date.now() - begun > SILENT && !told(model.get("status"))) note.textContent = "The kernel does not answer. It may be busy, or was started anew: then run the cell again.";
    try {
      model.send({ t: "module", v: 1 });
    } catch {
      note.textContent = "The kernel was started anew or is gone: run the cell again.";
      return;
    }
    timer = setTimeout(go, Date.now() - begun > SILENT ? 5 * AGAIN : AGAIN);
  };
  timer = setTimeout(go, from.waiting++ * TURN);
  return () => {
    clearTimeout(timer);
    from.waiting--;
    model.off("msg:custom", listener);
    model.off("change:status", tell);
  };
}

export default {
  async render({ model, el }: { model: any; el: HTMLElement }) {
    const from = loading(model.get("module"));
    const note = document.createElement("div");
    note.setAttribute("role", "status");
    el.append(note);
    const end = from.done ? () => {} : ask(model, from, note);
    try {
      const { mount } = await from.module;
      note.remove();
      return mount(model, el);
    } finally {
      end();
    }
  },
};
