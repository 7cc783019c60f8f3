/* What the pages gain with JavaScript; without it every form still works. Nothing here submits a form. */
(function () {
  'use strict';

  // The same rules as domain/password.ts; 'common' is known to the server alone.
  var rules = {
    length: function (password, minLength) {
      return Array.from(password).length >= minLength;
    },
    upper: function (password) {
      return /\p{Lu}/u.test(password);
    },
    lower: function (password) {
      return /\p{Ll}/u.test(password);
    },
    digit: function (password) {
      return /\p{Nd}/u.test(password);
    },
    special: function (password) {
      return /[^\p{L}\p{N}]/u.test(password);
    },
  };

  document.querySelectorAll('[data-rules]').forEach(tickRulesOff);
  document.querySelectorAll('[data-password]').forEach(addToggle);
  document.querySelectorAll('form[data-once]').forEach(submitOnce);
  document.querySelectorAll('[data-codes]').forEach(addCodeTools);

  // Browsers differ in whether autofocus reaches an element that is no form field.
  var summary = document.querySelector('.summary');
  if (summary && document.activeElement !== summary) summary.focus();

  function tickRulesOff(list) {
    var input = document.getElementById(list.dataset.rules);
    var minLength = Number(list.dataset.minLength);
    var items = Array.from(list.querySelectorAll('[data-rule]')).filter(function (item) {
      return rules[item.dataset.rule];
    });
    // A change per key press is too much to be read out: one sentence, once typing pauses.
    var progress = document.createElement('p');
    progress.className = 'visually-hidden';
    progress.setAttribute('role', 'status');
    list.after(progress);
    var pause;

    input.addEventListener('input', function () {
      var met = 0;
      items.forEach(function (item) {
        var isMet = rules[item.dataset.rule](input.value, minLength);
        if (isMet) met += 1;
        item.dataset.state = isMet ? 'met' : 'open';
        item.querySelector('[data-state-text]').textContent = ', ' + (isMet ? list.dataset.met : list.dataset.unmet);
      });
      clearTimeout(pause);
      pause = setTimeout(function () {
        progress.textContent = list.dataset.progress.replace('%met%', met).replace('%total%', items.length);
      }, 800);
    });
  }

  function addToggle(box) {
    var input = box.querySelector('input');
    var button = document.createElement('button');
    button.type = 'button';
    button.className = 'toggle';
    button.setAttribute('aria-controls', input.id);
    box.classList.add('has-toggle');
    box.append(button);
    show(false);
    button.addEventListener('click', function () {
      show(input.type === 'password');
    });
    // A password left readable would be remembered as ordinary text by the browser.
    if (input.form) {
      input.form.addEventListener('submit', function () {
        show(false);
      });
    }

    function show(visible) {
      input.type = visible ? 'text' : 'password';
      button.textContent = visible ? box.dataset.hide : box.dataset.show;
      button.setAttribute('aria-label', visible ? box.dataset.hideLabel : box.dataset.showLabel);
    }
  }

  // Copying and printing need a script; the button that downloads stands there without one.
  function addCodeTools(row) {
    var list = document.getElementById(row.dataset.codes);
    var said = document.createElement('p');
    said.className = 'hint';
    said.setAttribute('role', 'status');
    row.after(said);
    var copy = addButton(row.dataset.copy, function () {
      copyText(
        Array.from(list.querySelectorAll('code'), function (code) {
          return code.textContent;
        }).join('\n'),
      ).then(
        function () {
          copy.textContent = row.dataset.copied;
          said.textContent = '';
          setTimeout(function () {
            copy.textContent = row.dataset.copy;
          }, 2500);
        },
        function () {
          said.textContent = row.dataset.failed;
        },
      );
    });
    copy.setAttribute('aria-live', 'polite');
    var print = addButton(row.dataset.print, function () {
      window.print();
    });
    row.prepend(copy, print);
  }

  function addButton(text, run) {
    var button = document.createElement('button');
    button.type = 'button';
    button.className = 'quiet';
    button.textContent = text;
    button.addEventListener('click', run);
    return button;
  }

  // Browsers have the clipboard only where pages come by https or from the machine itself; elsewhere a selection is copied.
  function copyText(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    var area = document.createElement('textarea');
    area.value = text;
    area.className = 'visually-hidden';
    document.body.append(area);
    area.select();
    var copied = document.execCommand('copy');
    area.remove();
    return copied ? Promise.resolve() : Promise.reject(new Error('not copied'));
  }

  // The second click of a double click would be told that the invitation has been answered already.
  function submitOnce(form) {
    var button = form.querySelector('button[type="submit"]');
    form.addEventListener('submit', function (event) {
      if (button.getAttribute('aria-disabled') === 'true') event.preventDefault();
      else button.setAttribute('aria-disabled', 'true');
    });
    window.addEventListener('pageshow', function () {
      button.removeAttribute('aria-disabled');
    });
  }
})();
