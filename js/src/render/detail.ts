// Level of detail: how large text is in the drawing, so that it is never below 9 pixels on the screen.
import { fitting } from "./looks";
import type { Box } from "./scene";

export interface Detail { level: number; /** Size of names, 0 for none. */ name: number; /** Whether there is a second line. */ said: boolean }

const LEVELS: [number, Detail][] = [
  [0.87, { level: 0, name: 12, said: true }], [0.75, { level: 1, name: 12, said: false }], [0.5, { level: 2, name: 18, said: false }], [0.33, { level: 3, name: 27.5, said: false }],
];
const NONE: Detail = { level: 4, name: 0, said: false };

export function detailAt(k: number): Detail {
  return LEVELS.find(([least]) => k >= least)?.[1] ?? NONE;
}

/** The size of frames' names: the same on the screen at every zoom. */
export const frameText = (k: number): number => Math.max(11, 10.5 / k);

export const nameOf = (box: Box, { name }: Detail): string => (name ? (name === 12 ? box.label : fitting(box.label, name, box.width - 10)) : "");
