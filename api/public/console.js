/* What the console gains with JavaScript; without it everything still works. Nothing here submits a form. */
(function () {
  'use strict';

  // Only one sheet is open; a click elsewhere and Escape close it.
  var pops = function () {
    return document.querySelectorAll('details.pop');
  };
  document.addEventListener('click', function (event) {
    pops().forEach(function (pop) {
      if (pop.open && !pop.contains(event.target)) pop.open = false;
    });
  });
  document.addEventListener('keydown', function (event) {
    if (event.key !== 'Escape') return;
    pops().forEach(function (pop) {
      if (!pop.open) return;
      pop.open = false;
      pop.querySelector('summary').focus();
    });
  });

  // A second press while the first is under way changes nothing; the server would see that it is the same form anyway.
  var sent = new WeakSet();
  document.addEventListener('submit', function (event) {
    if (!event.target.matches('form[data-once]')) return;
    if (event.submitter && event.submitter.hasAttribute('data-again')) return;
    if (sent.has(event.target)) event.preventDefault();
    sent.add(event.target);
  });
  window.addEventListener('pageshow', function () {
    sent = new WeakSet();
  });

  // The mail is shown again when typing pauses. A new frame each time, so that the way back stays short.
  document.querySelectorAll('form[data-preview]').forEach(function (form) {
    var button = document.querySelector('[data-preview-button]');
    var pause;
    var preview = function () {
      var frame = document.querySelector('iframe[name="preview"]');
      var fresh = frame.cloneNode(false);
      // It begins with what is typed; its address is for whoever has no JavaScript.
      fresh.removeAttribute('src');
      frame.replaceWith(fresh);
      form.requestSubmit(button);
    };
    form.addEventListener('input', function () {
      clearTimeout(pause);
      pause = setTimeout(preview, 700);
    });
    preview();
  });

  // Where there are many to choose from, a word leaves those that have it, and those that are chosen.
  document.querySelectorAll('[data-search]').forEach(function (list) {
    var search = document.createElement('input');
    search.type = 'search';
    search.setAttribute('aria-label', list.dataset.search);
    search.placeholder = list.dataset.search;
    list.before(search);
    search.addEventListener('keydown', function (event) {
      if (event.key === 'Enter') event.preventDefault();
    });
    search.addEventListener('input', function (event) {
      event.stopPropagation();
      var word = search.value.trim().toLowerCase();
      list.querySelectorAll('label').forEach(function (label) {
        label.hidden = label.textContent.toLowerCase().indexOf(word) < 0 && !label.querySelector('input').checked;
      });
    });
  });

  document.querySelectorAll('input[data-copy]').forEach(function (input) {
    if (!navigator.clipboard) return;
    var button = document.createElement('button');
    button.type = 'button';
    button.className = 'button quiet';
    button.textContent = input.dataset.copyLabel;
    var row = document.createElement('div');
    row.className = 'copy-row';
    input.before(row);
    row.append(input, button);
    button.addEventListener('click', function () {
      navigator.clipboard.writeText(input.value).then(function () {
        button.textContent = input.dataset.copied;
      });
    });
  });

  var summary = document.querySelector('.summary');
  if (summary && document.activeElement !== summary) summary.focus();

  chooseAll();
  // A list that has refreshed itself comes as the server wrote it.
  document.addEventListener('usher:refreshed', chooseAll);

  function chooseAll() {
    if (!document.getElementById('many') || document.querySelector('thead .choose input')) return;
    var boxes = Array.from(document.querySelectorAll('input[form="many"][type="checkbox"]'));
    var head = document.querySelector('thead .choose');
    var all = document.createElement('input');
    all.type = 'checkbox';
    all.setAttribute('aria-label', head.textContent);
    head.replaceChildren(all);
    all.addEventListener('change', function () {
      boxes.forEach(function (box) {
        box.checked = all.checked;
      });
    });
  }
})();
