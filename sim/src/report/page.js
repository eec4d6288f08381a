// A crosshair with values over all plots, and the copy button. The page is whole without it.
(() => {
  'use strict';

  const copy = document.getElementById('copy');
  const command = document.getElementById('command');
  const fallback = () => {
    const range = document.createRange();
    range.selectNodeContents(command);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return document.execCommand('copy');
  };
  const say = (ok) => {
    copy.textContent = ok ? 'copied' : 'press Ctrl+C';
    setTimeout(() => { copy.textContent = 'copy'; }, 1500);
  };
  copy.hidden = false;
  copy.addEventListener('click', () => {
    const text = command.textContent;
    if (!navigator.clipboard) { say(fallback()); return; }
    navigator.clipboard.writeText(text).then(() => say(true), () => say(fallback()));
  });

  const stack = document.querySelector('.stack');
  const lengthMs = Number(stack.dataset.lengthMs);
  const tip = stack.appendChild(document.createElement('div'));
  tip.className = 'tip';
  tip.hidden = true;
  const plots = Array.from(stack.querySelectorAll('.plot'), (section) => {
    const pane = section.querySelector('.pane');
    const cursor = pane.appendChild(document.createElement('div'));
    cursor.className = 'cursor';
    cursor.hidden = true;
    const values = JSON.parse(section.querySelector('script').textContent);
    return { section, cursor, values, svg: pane.querySelector('svg') };
  });

  const clock = (ms) => {
    if (lengthMs < 5000) return `${Math.round(ms)} ms`;
    const s = ms / 1000;
    if (lengthMs < 120000) return `${s.toFixed(1)} s`;
    const two = (n) => String(Math.floor(n)).padStart(2, '0');
    const tail = `${two((s / 60) % 60)}:${two(s % 60)}`;
    return s < 3600 ? tail : `${Math.floor(s / 3600)}:${tail}`;
  };

  const rowsAt = (values, ms) => {
    if (values.spans) {
      const slack = lengthMs * 0.003;
      return values.spans
        .filter(([from, to]) => from - slack <= ms && ms <= to + slack)
        .slice(0, 12)
        .map(([, , text, name]) => [text, name, '']);
    }
    const column = Math.floor(ms / values.column_ms);
    return values.rows
      .filter(([, , texts]) => column < texts.length)
      .map(([name, kind, texts]) => [name, kind, texts[column]]);
  };

  const add = (parent, tag, kind, text) => {
    const node = parent.appendChild(document.createElement(tag));
    if (kind) node.className = kind;
    if (text) node.textContent = text;
    return node;
  };

  const show = (plot, ms, event) => {
    tip.replaceChildren();
    add(tip, 'b', '', clock(ms));
    for (const [name, kind, text] of rowsAt(plot.values, ms)) {
      const row = add(tip, 'div', '', '');
      add(row, 'i', kind, '');
      add(row, 'span', '', name);
      add(row, 'em', '', text);
    }
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const room = document.documentElement.clientWidth;
    const right = event.clientX + 16 + box.width > room;
    const x = right ? event.clientX - box.width - 16 : event.clientX + 16;
    const y = Math.min(event.clientY + 14, window.innerHeight - box.height - 8);
    tip.style.left = `${Math.max(4, x)}px`;
    tip.style.top = `${Math.max(4, y)}px`;
  };

  const hide = () => {
    tip.hidden = true;
    for (const plot of plots) plot.cursor.hidden = true;
  };

  const follow = (event) => {
    const section = event.target.closest('.plot');
    const plot = plots.find((candidate) => candidate.section === section);
    if (!plot) { hide(); return; }
    const box = plot.svg.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    if (share < 0 || share > 1) { hide(); return; }
    for (const other of plots) {
      other.cursor.style.left = `${share * 100}%`;
      other.cursor.hidden = false;
    }
    show(plot, share * lengthMs, event);
  };

  stack.addEventListener('pointermove', follow);
  stack.addEventListener('pointerdown', follow);
  stack.addEventListener('pointerleave', hide);
})();
