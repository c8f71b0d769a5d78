// The layout in a worker of its own.
import { layout, type Asked } from "./layout";

self.onmessage = ({ data }: MessageEvent<Asked>) => {
  const made = layout(data);
  (self as any).postMessage(made, [made.x.buffer, made.y.buffer, made.routes.points.buffer, made.routes.start.buffer]);
};
