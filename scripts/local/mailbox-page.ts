import Handlebars from 'handlebars';
import type { Address, MailSummary } from './mailbox-store';

export type View = 'html' | 'text' | 'source';

interface Listed {
  total: number;
  /** Id of the mail that is open, or empty. */
  selected: string;
  mails: MailSummary[];
}

interface Shown extends MailSummary {
  view: View;
  hasHtml: boolean;
  text: string;
  source: string;
}

// An instance of its own: helpers registered elsewhere do not reach these templates.
const handlebars = Handlebars.create();

const listTemplate = handlebars.compile(
  `{{#if mails}}<ol class="mails">
{{#each mails}}<li><a href="/mails/{{id}}"{{#if current}} aria-current="true"{{/if}}>
  <span class="line"><span class="to" title="{{to}}">{{to}}</span><time datetime="{{created}}">{{time}}</time></span>
  <strong>{{subject}}</strong>
  <span class="from">from {{from}}</span>
</a></li>
{{/each}}</ol>{{#if more}}<p class="hint">The newest {{mails.length}} of {{total}} mails.</p>{{/if}}
{{else}}<p class="hint">No mail yet. Whatever Usher sends appears here.</p>{{/if}}`,
  { strict: true, knownHelpersOnly: true },
);

const pageTemplate = handlebars.compile(
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{title}}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/mailbox.css">
<script src="/mailbox.js" defer></script>
</head>
<body class="{{#if mail}}reading{{else}}listing{{/if}}">
<header>
  <h1><a href="/">Usher mailbox</a></h1>
  <form method="post" action="/delete" id="delete"><button type="submit">Delete all</button></form>
</header>
<main>
<nav id="list" aria-label="Mails" data-selected="{{selected}}">{{{list}}}</nav>
{{#if mail}}<article>
  <p class="back"><a href="/">← All mails</a></p>
  <h2>{{mail.subject}}</h2>
  <dl>
    <dt>From</dt><dd>{{mail.from}}</dd>
    <dt>To</dt><dd>{{mail.to}}</dd>
    {{#if mail.cc}}<dt>Cc</dt><dd>{{mail.cc}}</dd>{{/if}}
    <dt>Date</dt><dd><time datetime="{{mail.created}}">{{mail.time}}</time></dd>
  </dl>
  <ul class="views">
  {{#each mail.views}}<li><a href="/mails/{{id}}?view={{name}}"{{#if current}} aria-current="page"{{/if}}>{{label}}</a></li>
  {{/each}}</ul>
  {{#if mail.asHtml}}<iframe src="/mails/{{mail.id}}/html" title="The mail as HTML" sandbox="allow-popups allow-popups-to-escape-sandbox" referrerpolicy="no-referrer"></iframe>
  {{else if mail.asText}}<pre class="text">{{#each mail.parts}}{{#if link}}<a href="{{link}}" target="_blank" rel="noopener noreferrer">{{link}}</a>{{else}}{{text}}{{/if}}{{/each}}</pre>
  {{else}}<pre class="source">{{mail.source}}</pre>{{/if}}
</article>
{{else}}<article class="empty"><p class="hint">Choose a mail to read it.</p></article>{{/if}}
</main>
</body>
</html>
`,
  { strict: true, knownHelpersOnly: true },
);

export function mailList({ total, selected, mails }: Listed): string {
  return listTemplate({
    total,
    more: total > mails.length,
    mails: mails.map((mail) => ({ ...lineOf(mail), current: mail.ID === selected })),
  });
}

export function mailPage({ mail, ...list }: Listed & { mail: Shown | null }): string {
  return pageTemplate({
    title: mail ? `${mail.Subject || '(no subject)'} – Usher mailbox` : 'Usher mailbox',
    selected: list.selected,
    list: mailList(list),
    mail: mail && {
      ...lineOf(mail),
      asHtml: mail.view === 'html',
      asText: mail.view === 'text',
      parts: partsOf(mail.text),
      source: mail.source,
      views: [
        ...(mail.hasHtml ? [{ name: 'html', label: 'HTML' }] : []),
        { name: 'text', label: 'Text' },
        { name: 'source', label: 'Source' },
      ].map((view) => ({ ...view, id: mail.ID, current: view.name === mail.view })),
    },
  });
}

function lineOf(mail: MailSummary) {
  return {
    id: mail.ID,
    from: names([mail.From]),
    to: names(mail.To) || '(nobody)',
    cc: names(mail.Cc),
    subject: mail.Subject || '(no subject)',
    created: mail.Created,
    time: timeOf(new Date(mail.Created)),
  };
}

function names(addresses: readonly Address[]): string {
  return addresses.map(({ Name, Address }) => (Name ? `${Name} <${Address}>` : Address)).join(', ');
}

/** Reader and server are on the same machine: its time zone is right. */
function timeOf(date: Date): string {
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString('en-GB', today ? { timeStyle: 'medium' } : { dateStyle: 'medium', timeStyle: 'short' });
}

/** The text with its web addresses set apart; nothing but http and https becomes a link. */
function partsOf(text: string): { link: string; text: string }[] {
  return text
    .split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]])/)
    .map((part, index) => (index % 2 ? { link: part, text: '' } : { link: '', text: part }));
}

export const mailboxScript = `
const list = document.getElementById('list');
const place = 'usher-mailbox-place';
list.scrollTop = Number(sessionStorage.getItem(place));
list.addEventListener('scroll', () => sessionStorage.setItem(place, list.scrollTop));
document.getElementById('delete').addEventListener('submit', (event) => {
  if (!confirm('Delete all mails?')) event.preventDefault();
});
let shown = null;
async function refresh() {
  if (!document.hidden) {
    try {
      const answer = await fetch('/list?selected=' + encodeURIComponent(list.dataset.selected));
      const html = answer.ok ? await answer.text() : shown;
      if (shown !== null && html !== shown) {
        const focused = list.contains(document.activeElement) && document.activeElement.getAttribute('href');
        const scroll = list.scrollTop;
        list.innerHTML = html;
        list.scrollTop = scroll;
        if (focused) list.querySelector('a[href="' + CSS.escape(focused) + '"]')?.focus({ preventScroll: true });
      }
      shown = html;
    } catch {
      // Usher is not running at the moment; the next round sees.
    }
  }
  setTimeout(refresh, 2000);
}
refresh();
`;

export const mailboxStyle = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f4f5f7, #14161a);
  --card: light-dark(#ffffff, #1d2026);
  --text: light-dark(#1b1f24, #e6e8eb);
  --soft: light-dark(#5b6570, #9aa4af);
  --line: light-dark(#d9dde2, #31363e);
  --accent: light-dark(#1f5fbf, #7fb2ff);
  --chosen: light-dark(#e6effc, #24354f);
}
* { box-sizing: border-box; }
body { margin: 0; height: 100dvh; display: flex; flex-direction: column; background: var(--page); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
a { color: var(--accent); }
a:focus-visible, button:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
header { display: flex; align-items: center; justify-content: space-between; padding: .6rem 1rem; background: var(--card);
  border-bottom: 1px solid var(--line); }
h1 { margin: 0; font-size: 1.05rem; }
h1 a { color: inherit; text-decoration: none; }
button { font: inherit; padding: .35rem .8rem; color: inherit; background: transparent; border: 1px solid var(--line);
  border-radius: .4rem; cursor: pointer; }
button:hover { border-color: var(--accent); }
main { flex: 1; min-height: 0; display: grid; grid-template-columns: minmax(16rem, 24rem) 1fr; }
nav { overflow-y: auto; border-right: 1px solid var(--line); background: var(--card); }
.mails { list-style: none; margin: 0; padding: 0; }
.mails a { display: block; padding: .6rem 1rem; color: inherit; text-decoration: none; border-bottom: 1px solid var(--line); }
.mails a:hover, .mails a[aria-current] { background: var(--chosen); }
.mails a[aria-current] { box-shadow: inset 3px 0 var(--accent); }
.line { display: flex; gap: .75rem; justify-content: space-between; }
.to, .from, .mails strong { display: block; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.from, time, .hint, dt { color: var(--soft); }
.from, .line time { font-size: .85rem; white-space: nowrap; }
.hint { padding: 1rem; margin: 0; }
article { display: flex; flex-direction: column; min-width: 0; min-height: 0; padding: 1rem 1.25rem; overflow: auto; }
.empty { align-items: center; justify-content: center; }
h2 { margin: 0 0 .6rem; font-size: 1.25rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .1rem .9rem; margin: 0 0 .8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.views { display: flex; gap: .4rem; list-style: none; margin: 0 0 .8rem; padding: 0; }
.views a { display: block; padding: .25rem .8rem; border: 1px solid var(--line); border-radius: 1rem; color: inherit; text-decoration: none; }
.views a[aria-current] { background: var(--chosen); border-color: var(--accent); }
iframe { flex: 1; min-height: 20rem; width: 100%; background: #fff; border: 1px solid var(--line); border-radius: .5rem; color-scheme: light; }
pre { flex: 1; margin: 0; padding: 1rem; overflow: auto; background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  font: .9rem/1.5 ui-monospace, monospace; }
pre.text { white-space: pre-wrap; overflow-wrap: anywhere; }
.back { display: none; margin: 0 0 .6rem; }
@media (max-width: 45rem) {
  main { grid-template-columns: 1fr; }
  .reading nav, .listing article { display: none; }
  .back { display: block; }
  nav { border-right: 0; }
}
`;
