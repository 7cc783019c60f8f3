/*
 * Refreshes the parts of a page that say what they show: <section data-live="users invitations">, and with data-live-id only what
 * is about that user or invitation. The server says that something has happened; the page then asks for itself anew. Without
 * JavaScript, or without the stream, the page is as it was when it was loaded.
 */
(function () {
  'use strict';

  var regions = function () {
    return Array.from(document.querySelectorAll('[data-live]'));
  };
  if (regions().length === 0 || !window.EventSource) return;

  var organization = (document.querySelector('[data-live-organization]') || document.body).dataset.liveOrganization;
  // What is shown is as old as the answer that it came with.
  var shownAt =
    performance.timeOrigin + (performance.getEntriesByType('navigation')[0] || { responseStart: 0 }).responseStart;
  var stale = new Set();
  var source = null;
  var failures = 0;
  var timer = null;
  var refreshing = false;
  var refreshAt = 0;
  var ended = false;

  document.addEventListener('visibilitychange', function () {
    if (document.hidden) disconnect();
    else connect();
  });
  // A page in the browser's history keeps no line open.
  window.addEventListener('pagehide', disconnect);
  window.addEventListener('pageshow', connect);
  document.addEventListener('focusout', function () {
    if (stale.size > 0) soon(300);
  });
  connect();

  function connect() {
    if (ended || source || document.hidden) return;
    var query = new URLSearchParams({ age: String(Math.max(0, Math.round(Date.now() - shownAt))) });
    if (organization) query.set('organization', organization);
    source = new EventSource('/console/live?' + query);
    source.addEventListener('open', function () {
      failures = 0;
    });
    source.addEventListener('change', function (event) {
      var change = JSON.parse(event.data);
      shownAt = Date.now();
      regions().forEach(function (region) {
        if (concerns(region, change)) stale.add(keyOf(region));
      });
      if (stale.size > 0) soon(150);
    });
    source.addEventListener('over', function (event) {
      disconnect();
      if (JSON.parse(event.data).why === 'stop') later();
      else leave();
    });
    source.addEventListener('error', function () {
      var refused = source && source.readyState === EventSource.CLOSED;
      disconnect();
      failures += 1;
      // The page itself says whether one is still welcome, and is at least seldom out of date where streams are refused.
      if (refused) {
        regions().forEach(function (region) {
          stale.add(keyOf(region));
        });
        soon(150);
      }
      later();
    });
  }

  function disconnect() {
    if (source) source.close();
    source = null;
  }

  /** Not all at once: everybody's line breaks when a server restarts. */
  function later() {
    var wait = Math.min(1000 * Math.pow(2, failures), 30000);
    setTimeout(connect, wait / 2 + (Math.random() * wait) / 2);
  }

  function concerns(region, change) {
    var about = region.dataset.liveId;
    if (about && change.ids.length > 0 && change.ids.indexOf(about) < 0) return false;
    return region.dataset.live.split(/\s+/).some(function (topic) {
      return change.topics.indexOf(topic) >= 0;
    });
  }

  function soon(ms) {
    clearTimeout(timer);
    timer = setTimeout(refresh, Math.max(ms, refreshAt - Date.now()));
  }

  function refresh() {
    if (ended || refreshing || document.hidden) return;
    var free = regions().filter(function (region) {
      return stale.has(keyOf(region)) && !isEdited(region);
    });
    // Whoever is typing is left alone; once they have left the field it is looked at again.
    if (free.length === 0) {
      if (stale.size > 0) soon(3000);
      return;
    }
    refreshing = true;
    var asked = Date.now();
    fetch(location.href, {
      headers: { Accept: 'text/html', 'X-Usher-Refresh': 'yes' },
      credentials: 'same-origin',
      cache: 'no-store',
    })
      .then(function (response) {
        if (response.redirected || [401, 403, 404, 410].indexOf(response.status) >= 0) return leave();
        if (!response.ok) throw new Error('not now');
        return response.text().then(function (html) {
          var fresh = new DOMParser().parseFromString(html, 'text/html');
          // The session has gone elsewhere in another tab: what this page would show now belongs under another heading.
          if (placeOf(fresh) !== placeOf(document)) return leave();
          free.forEach(function (region) {
            stale.delete(keyOf(region));
            if (region.isConnected && !isEdited(region)) replace(region, fresh);
          });
          // A page that takes long is asked for seldom.
          refreshAt = Date.now() + Math.max(1000, 4 * (Date.now() - asked));
        });
      })
      .catch(function () {
        refreshAt = Date.now() + 3000;
      })
      .then(function () {
        refreshing = false;
        if (stale.size > 0) soon(150);
      });
  }

  /** Whose page it is, and of which organization. */
  function placeOf(page) {
    var marked = page.querySelector('[data-live-organization], [data-live-person]');
    return marked ? [marked.dataset.liveOrganization, marked.dataset.livePerson].join('/') : '';
  }

  /** Nothing here is theirs any more: the server says what is instead. What has been typed is not thrown away. */
  function leave() {
    if (ended) return;
    ended = true;
    stale.clear();
    disconnect();
    if (!isEdited(document)) location.reload();
  }

  /** A part is found again by its id, or by its place among those that show the same. */
  function keyOf(region) {
    if (region.id) return '#' + region.id;
    var alike = regions().filter(function (other) {
      return !other.id && other.dataset.live === region.dataset.live;
    });
    return region.dataset.live + '/' + alike.indexOf(region);
  }

  function twin(region, fresh) {
    if (region.id) return fresh.getElementById(region.id);
    var key = keyOf(region);
    var alike = Array.from(fresh.querySelectorAll('[data-live]')).filter(function (other) {
      return !other.id && other.dataset.live === region.dataset.live;
    });
    return alike[Number(key.slice(key.lastIndexOf('/') + 1))] || null;
  }

  /** Whether somebody is writing here, or has written and not sent it. Ticks are carried over, so they do not count. */
  function isEdited(place) {
    if (place.querySelector('dialog[open], [data-live-hold]')) return true;
    return Array.from(place.querySelectorAll('input, textarea, select')).some(function (field) {
      if (['hidden', 'submit', 'button', 'checkbox'].indexOf(field.type) >= 0) return false;
      if (field.tagName === 'SELECT') return field === document.activeElement || isChosen(field);
      if (field.type === 'radio') return field.checked !== field.defaultChecked;
      return field === document.activeElement || field.value !== field.defaultValue;
    });
  }

  /** A list without a preselected entry shows its first one, which nobody has chosen. */
  function isChosen(list) {
    var options = Array.from(list.options);
    var preselected = options.filter(function (option) {
      return option.defaultSelected;
    });
    if (preselected.length === 0 && !list.multiple) return list.selectedIndex > 0;
    return options.some(function (option) {
      return option.selected !== option.defaultSelected;
    });
  }

  function replace(region, fresh) {
    var next = twin(region, fresh);
    // The page has another shape now.
    if (!next) return leave();
    var seen = whatIsSeen(region);
    var place = document.importNode(next, true);
    if (region.isEqualNode(place)) return;
    region.replaceWith(place);
    seen.restore(place);
    document.dispatchEvent(new CustomEvent('usher:refreshed', { detail: { region: place } }));
    var status = document.querySelector('[data-live-status]');
    if (!status) return;
    // The same words again are said again only if they were gone meanwhile.
    status.textContent = '';
    setTimeout(function () {
      status.textContent = status.dataset.liveStatus;
    }, 100);
  }

  /** What a person has done to a part without writing: where they are in it, what they opened, ticked and scrolled to. */
  function whatIsSeen(region) {
    var active = document.activeElement;
    var focused = active && active !== region && region.contains(active) ? nameOf(active, region) : null;
    var self = active === region;
    var open = named(region, 'details', function (element) {
      return element.open;
    });
    var ticked = named(region, 'input[type="checkbox"]', function (element) {
      return element.checked;
    });
    var scrolled = [region].concat(Array.from(region.querySelectorAll('*'))).flatMap(function (element) {
      if (element.scrollTop === 0 && element.scrollLeft === 0) return [];
      return [{ name: nameOf(element, region), top: element.scrollTop, left: element.scrollLeft }];
    });
    var page = { x: window.scrollX, y: window.scrollY };
    return {
      restore: function (place) {
        open.forEach(function (was) {
          var element = find(place, was.name);
          if (element) element.open = was.value;
        });
        ticked.forEach(function (was) {
          var element = find(place, was.name);
          if (element && element.checked !== was.value) {
            element.checked = was.value;
            element.dispatchEvent(new Event('change', { bubbles: true }));
          }
        });
        scrolled.forEach(function (was) {
          var element = find(place, was.name);
          if (element) element.scrollTo(was.left, was.top);
        });
        var focus = self ? place : focused && find(place, focused);
        if (focus) focus.focus({ preventScroll: true });
        window.scrollTo({ left: page.x, top: page.y, behavior: 'instant' });
      },
    };
  }

  function named(region, selector, valueOf) {
    return Array.from(region.querySelectorAll(selector)).map(function (element) {
      return { name: nameOf(element, region), value: valueOf(element) };
    });
  }

  /** What an element is known by after a refresh: its id, what it stands for, else its place. */
  function nameOf(element, region) {
    if (element === region) return { self: true };
    if (element.id) return { selector: '#' + CSS.escape(element.id) };
    // What opens a row's menu says whose it is; the menu itself has no name.
    var summary = element.tagName === 'DETAILS' && element.querySelector(':scope > summary[aria-label]');
    if (summary)
      return {
        selector: 'details:has(> summary[aria-label="' + CSS.escape(summary.getAttribute('aria-label')) + '"])',
      };
    var attributes = ['name', 'value', 'href', 'data-key', 'aria-label'].filter(function (attribute) {
      return element.getAttribute(attribute);
    });
    var selector =
      element.tagName.toLowerCase() +
      attributes
        .map(function (attribute) {
          return '[' + attribute + '="' + CSS.escape(element.getAttribute(attribute)) + '"]';
        })
        .join('');
    return { selector: selector, at: Array.from(region.querySelectorAll(selector)).indexOf(element) };
  }

  function find(place, name) {
    if (name.self) return place;
    if (name.at === undefined) return place.querySelector(name.selector);
    return place.querySelectorAll(name.selector)[name.at] || null;
  }
})();
