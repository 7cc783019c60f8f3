/* What the console gains with JavaScript; without it everything still works. Nothing here submits a form. */
(function () {
  'use strict';

  // Only one sheet is open; a click elsewhere, Escape and tabbing on close it.
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

  document.addEventListener('focusout', function (event) {
    var pop = event.target.closest && event.target.closest('details.pop');
    if (pop && event.relatedTarget && !pop.contains(event.relatedTarget)) pop.open = false;
  });

  // A second press while the first is under way changes nothing; the server would see that it is the same form anyway. So
  // the form waits only as long as one presses twice: whoever has stopped the page from loading may send it again.
  var pressedTwice = 3000;
  var sent = new WeakMap();
  document.addEventListener('submit', function (event) {
    if (!event.target.matches('form[data-once]')) return;
    if (event.submitter && event.submitter.hasAttribute('data-again')) return;
    var now = performance.now();
    if (now - sent.get(event.target) < pressedTwice) event.preventDefault();
    else sent.set(event.target, now);
  });
  var nothingIsSent = function () {
    sent = new WeakMap();
  };
  window.addEventListener('pageshow', nothingIsSent);
  // It stops a page that is on its way.
  document.addEventListener('keydown', function (event) {
    if (event.key === 'Escape') nothingIsSent();
  });

  // In a low window the navigation is longer than its place: where one is stands in the middle of it.
  var showPlace = function (nav) {
    var place = nav && nav.querySelector('[aria-current="page"]');
    if (!place || nav.scrollHeight <= nav.clientHeight) return;
    var box = place.getBoundingClientRect();
    nav.scrollTop += box.top + box.height / 2 - nav.getBoundingClientRect().top - nav.clientHeight / 2;
  };
  showPlace(document.querySelector('.side > nav'));
  document.querySelectorAll('.menu-button').forEach(function (menu) {
    menu.addEventListener('toggle', function () {
      if (menu.open) showPlace(menu.querySelector('nav'));
    });
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

  // Where there are too many to list, those that have what is typed are offered.
  document.querySelectorAll('input[data-suggest]').forEach(function (input) {
    var pause;
    var asked = 0;
    input.addEventListener('input', function () {
      clearTimeout(pause);
      pause = setTimeout(function () {
        var mine = (asked += 1);
        fetch(input.dataset.suggest + '?' + new URLSearchParams({ q: input.value.trim() }), {
          credentials: 'same-origin',
        })
          .then(function (response) {
            return response.ok && !response.redirected ? response.json() : [];
          })
          .catch(function () {
            return [];
          })
          .then(function (names) {
            if (mine !== asked) return;
            input.list.replaceChildren.apply(
              input.list,
              names.map(function (name) {
                var option = document.createElement('option');
                option.value = name;
                return option;
              }),
            );
          });
      }, 200);
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

  chooseMany();
  // A list that has refreshed itself comes as the server wrote it; a list that one comes back to, as it was left.
  document.addEventListener('usher:refreshed', chooseMany);
  window.addEventListener('pageshow', chooseMany);

  /** One box for all of them, how many are chosen, and buttons only for those who are. */
  function chooseMany() {
    var form = document.getElementById('many');
    if (!form) return;
    var boxes = Array.from(document.querySelectorAll('input[form="many"][type="checkbox"]'));
    var label = document.getElementById('many-label');
    var head = document.querySelector('thead .choose');
    var all = head.querySelector('input');
    var count = function () {
      var chosen = boxes.filter(function (box) {
        return box.checked;
      }).length;
      var words = chosen > 0 ? label.dataset.chosen.replace('#', chosen) : label.dataset.none;
      if (label.textContent !== words) label.textContent = words;
      form.querySelectorAll('button').forEach(function (button) {
        button.disabled = chosen === 0;
      });
      all.checked = chosen > 0 && chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    };
    if (!all) {
      label.dataset.none = label.textContent;
      all = document.createElement('input');
      all.type = 'checkbox';
      all.setAttribute('aria-label', head.textContent);
      head.replaceChildren(all);
      all.addEventListener('change', function () {
        boxes.forEach(function (box) {
          box.checked = all.checked;
        });
        count();
      });
      boxes.forEach(function (box) {
        box.addEventListener('change', count);
      });
    }
    count();
  }
})();
