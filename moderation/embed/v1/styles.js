// How the comments look: in the page's own colours and type, but for what custom properties name.

const CSS = `
:host {
  --_ink: var(--comments-ink, currentColor);
  --_faint: var(--comments-faint, color-mix(in srgb, currentColor 74%, transparent));
  --_line: var(--comments-line, color-mix(in srgb, currentColor 20%, transparent));
  --_field: var(--comments-field, color-mix(in srgb, currentColor 4%, transparent));
  --_edge: var(--comments-edge, color-mix(in srgb, currentColor 58%, transparent));
  --_accent: var(--comments-accent, light-dark(#0b5f64, #7ccfcd));
  --_on-accent: var(--comments-on-accent, light-dark(#ffffff, #0c2526));
  --_warn: var(--comments-warn, light-dark(#8a5200, #f0b968));
  --_bad: var(--comments-bad, light-dark(#a3271c, #ff9d8f));
  --_waiting: var(--comments-waiting, light-dark(#f6ead0, #3a3018));
  --_on-waiting: var(--comments-on-waiting, light-dark(#3d2c00, #f5e6c4));
  --_radius: var(--comments-radius, 6px);
  display: block;
  min-height: 22rem;
  color: var(--_ink);
  font-family: var(--comments-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
  font-size: var(--comments-size, 1rem);
  font-weight: 400;
  line-height: 1.55;
  text-align: start;
}
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
section:focus { outline: none; }
:focus-visible { outline: 3px solid var(--_accent); outline-offset: 2px; border-radius: 3px; }
h2, h3, p, ul { margin: 0; }
h2, h3 { line-height: 1.3; overflow-wrap: anywhere; }
h2 { font-size: 1.375em; }
h3 { font-size: 1.0625em; }
ul { padding: 0; list-style: none; }
.count, .counter { font-variant-numeric: tabular-nums; }
.count { font-weight: 400; color: var(--_faint); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.trap { position: absolute; inset-inline-start: -200vw; width: 1px; height: 1px; overflow: hidden; }
.faint { color: var(--_faint); }
.comment-form { position: relative; padding-top: 1rem; border-top: 3px solid var(--_ink); overflow: clip; overflow-clip-margin: 6px; }
.comment .comment-form, .asking { margin: 0.5rem 0 1rem; padding-top: 0.75rem; border-top: 1px solid var(--_line); }
.head-only .comment-form > :not(.form-head), .head-only .counter { display: none; }
.form-head { display: flex; align-items: baseline; justify-content: space-between; gap: 1rem; }
.counter { color: var(--_faint); font-size: 1.375em; font-weight: 600; line-height: 1.3; min-width: 3ch; text-align: end; }
.counter.few { color: var(--_warn); }
.counter.none { color: var(--_bad); }
label { display: block; margin-top: 0.75rem; font-size: 0.9375em; }
textarea, input, select { display: block; width: 100%; min-height: 44px; margin: 0.25rem 0 0; padding: 0.6rem 0.75rem; border: 1px solid var(--_edge); border-radius: var(--_radius); background: var(--_field); color: inherit; font: inherit; }
option { background: Canvas; color: CanvasText; }
textarea { field-sizing: content; min-height: 7.5rem; max-height: 60vh; resize: vertical; }
.asking textarea { min-height: 4rem; }
[aria-invalid] { border-color: var(--_bad); box-shadow: 0 0 0 1px var(--_bad); }
.field-error { margin-top: 0.375rem; color: var(--_bad); font-size: 0.9375em; }
.form-error, .notice { margin-top: 1rem; padding: 0.6rem 0.875rem; border-inline-start: 4px solid var(--_bad); background: var(--_field); }
.actions { display: flex; flex-wrap: wrap; gap: 0 0.75rem; }
form .actions { margin-top: 1rem; }
button { min-height: 44px; min-width: 44px; padding: 0.5rem 1.125rem; border: 1px solid var(--_accent); border-radius: var(--_radius); background: var(--_accent); color: var(--_on-accent); line-height: 1.3; font-family: inherit; font-size: 1em; font-weight: 600; cursor: pointer; }
button:hover { filter: brightness(1.12); }
button[aria-disabled] { opacity: 0.6; cursor: progress; }
button.quiet { border-color: transparent; background: none; color: var(--_accent); padding-inline: 0.5rem; }
button.quiet:hover { text-decoration: underline; }
button.quiet:disabled { color: var(--_faint); text-decoration: none; cursor: default; }
.comment > .more { margin-inline-start: -0.5rem; }
article > .actions { min-height: 0.75rem; margin-inline-start: -0.5rem; font-size: 0.9375em; }
article > .actions > [data-act="report"] { margin-inline-start: auto; color: var(--_faint); font-weight: 400; }
.bar { display: flex; justify-content: flex-end; margin-top: 1.5rem; }
.bar select { width: auto; margin: 0; border-color: transparent; background: none; color: var(--_faint); font-size: 0.9375em; cursor: pointer; }
.thread { margin-top: 0.5rem; }
.comment { padding: 1rem 0 0.25rem; border-top: 1px solid var(--_line); overflow-anchor: auto; }
.thread > .comment:first-child { border-top-color: var(--_line); }
.replies { margin-inline-start: 0.25rem; padding-inline-start: 1rem; border-inline-start: 2px solid var(--_line); }
.replies > .comment:first-child { border-top: 0; padding-top: 0.5rem; }
article { scroll-margin: 5rem 0; }
.linked > article { outline: 2px solid var(--_accent); outline-offset: 0.5rem; border-radius: 2px; }
.comment-head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 0.6rem; }
.author, .reply-to { min-width: 0; overflow-wrap: anywhere; }
.reply-to, .time { color: var(--_faint); font-size: 0.875em; }
a { color: var(--_accent); overflow-wrap: anywhere; }
a.time { color: var(--_faint); text-decoration: none; padding: 0.4rem 0; }
a.time[href]:hover { text-decoration: underline; }
.badge { padding: 0 0.5rem; border-radius: 4px; background: var(--_waiting); color: var(--_on-waiting); font-size: 0.875em; }
.body { margin-top: 0.25rem; white-space: pre-wrap; overflow-wrap: anywhere; }
[data-status="pending"] > article > .body, [data-status="queued"] > article > .body, [data-status="rejected"] > article > .body { color: var(--_faint); }
.reason { margin-top: 0.25rem; color: var(--_bad); font-size: 0.9375em; }
.thread + .faint { padding: 1.5rem 0; }
@media (min-width: 30rem) { .comment-form input, .asking select { max-width: 22rem; } }
@media (prefers-reduced-motion: no-preference) { .linked > article { animation: linked 1.2s ease-out; } }
@keyframes linked { from { outline-offset: 1.25rem; outline-color: transparent; } }
`;

export const SHEET = new CSSStyleSheet();
SHEET.replaceSync(CSS);
