/** The symbols of the console, drawn on 20 × 20 with lines. Beside each stands a word. */
const shapes = {
  check: '<path d="M4.5 10.5l3.5 3.5 7.5-8"/>',
  pending: '<circle cx="10" cy="10" r="7" stroke-dasharray="3 2.5"/><path d="M10 6.5V10l2.2 1.6"/>',
  expired: '<circle cx="10" cy="10" r="7"/><path d="M10 6.5V10l2.2 1.6"/>',
  draft: '<path d="M4.5 15.5l1-3.5 7-7 2.5 2.5-7 7z"/>',
  pause: '<path d="M7.5 6v8M12.5 6v8"/>',
  off: '<circle cx="10" cy="10" r="7"/><path d="M5.2 5.2l9.6 9.6"/>',
  cross: '<path d="M6 6l8 8M14 6l-8 8"/>',
  info: '<circle cx="10" cy="10" r="7.2"/><path d="M10 9.3v4M10 6.6v.1"/>',
  warn: '<path d="M10 3.5l7 12.5H3z"/><path d="M10 8.5v3.5M10 14v.1"/>',
  chevron: '<path d="M6 8l4 4 4-4"/>',
  next: '<path d="M8 5l5 5-5 5"/>',
  back: '<path d="M12 5l-5 5 5 5"/>',
  menu: '<path d="M3.5 6h13M3.5 10h13M3.5 14h13"/>',
  more: '<path d="M4.5 10h.1M10 10h.1M15.5 10h.1" stroke-width="2.4"/>',
  out: '<path d="M8 4H4.5v12H8M12.5 6.5L16 10l-3.5 3.5M16 10H8"/>',
  plus: '<path d="M10 4.5v11M4.5 10h11"/>',
  search: '<circle cx="9" cy="9" r="5"/><path d="M13 13l3.5 3.5"/>',
  people:
    '<circle cx="7.5" cy="7" r="2.8"/><path d="M2.5 16c.4-3 2.4-4.6 5-4.6s4.6 1.6 5 4.6"/><path d="M13 4.6a2.6 2.6 0 010 5M14.7 11.8c1.6.6 2.6 2 2.8 4.2"/>',
  mail: '<rect x="2.8" y="4.5" width="14.4" height="11" rx="2"/><path d="M3.2 6l6.8 5 6.8-5"/>',
  invite: '<path d="M17 3.2L8.8 11.4M17 3.2l-5 13.6-3.2-5.4L3 8.2z"/>',
  rules: '<path d="M3.5 6l1.4 1.4L7.5 4.6M3.5 14l1.4 1.4 2.6-2.8M10.5 6h6M10.5 14h6"/>',
  palette:
    '<path d="M10 2.8a7.2 7.2 0 000 14.4c1.3 0 1.7-.9 1.3-1.8-.5-1.2.2-2.2 1.5-2.2h1.9c1.5 0 2.5-1 2.5-2.5C17.2 6 14 2.8 10 2.8z"/><path d="M6.3 9.8h.1M8.6 6.4h.1M12.6 6.8h.1" stroke-width="2.2"/>',
  guest: '<circle cx="10" cy="6.8" r="3"/><path d="M4.2 16.5c.5-3.4 2.7-5 5.8-5s5.3 1.6 5.8 5"/>',
  log: '<path d="M6 5h10M6 10h10M6 15h10M3.2 5h.1M3.2 10h.1M3.2 15h.1"/>',
  groups:
    '<rect x="3" y="3" width="6" height="6" rx="1.5"/><rect x="11" y="3" width="6" height="6" rx="1.5"/><rect x="3" y="11" width="6" height="6" rx="1.5"/><rect x="11" y="11" width="6" height="6" rx="1.5"/>',
  seat: '<path d="M4 7.5h12v8.5H4zM7 7.5V5.2A1.7 1.7 0 018.7 3.5h2.6A1.7 1.7 0 0113 5.2v2.3"/>',
  key: '<circle cx="7" cy="13" r="3.5"/><path d="M9.5 10.5L16 4M13.5 6.5l2 2"/>',
  settings: '<path d="M3 6h7M14 6h3M3 14h3M10 14h7"/><circle cx="12" cy="6" r="2"/><circle cx="8" cy="14" r="2"/>',
  template: '<rect x="3" y="3.5" width="14" height="13" rx="2"/><path d="M3 8h14M8 8v8.5"/>',
  figures: '<path d="M4 16V9M10 16V4M16 16v-5"/>',
  shield: '<path d="M10 2.8l6 2.2v4.5c0 3.7-2.4 6.3-6 7.7-3.6-1.4-6-4-6-7.7V5z"/>',
  link: '<path d="M8.5 11.5a3 3 0 004.3 0l2.2-2.2a3 3 0 00-4.3-4.3l-1 1M11.5 8.5a3 3 0 00-4.3 0L5 10.7A3 3 0 009.3 15l1-1"/>',
} as const;

/**
 * A symbol where it is seen: one of `glyphSheet`, as lists repeat it row by row.
 * @throws Error for a symbol that there is not
 */
export function glyph(shape: string): string {
  if (!(shape in shapes)) throw new Error(`There is no symbol ${shape}.`);
  return `<svg class="glyph" aria-hidden="true"><use href="#g-${shape}"/></svg>`;
}

/** All of them, drawn once a page: a part that refreshes itself may come with another one. */
export const glyphSheet = `<svg class="glyph-sheet" aria-hidden="true">${Object.entries(shapes)
  .map(([name, lines]) => `<symbol id="g-${name}" viewBox="0 0 20 20">${lines}</symbol>`)
  .join('')}</svg>`;
