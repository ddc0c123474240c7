// A stand-in for Meta's browser library, written for Tandem's sandbox. It keeps the contract of the
// pixel's base code: it takes over the stub's queue, and then gets calls through `fbq.callMethod`. It reports
// to `/tr/` on the origin that served it, in the real library's format.
//
// It never throws in the page. It logs its errors.
(function () {
  "use strict";

  var VERSION = "2.9.227";
  var RELEASE = "stable";
  var URL_LENGTH_LIMIT = 2048;
  var COOKIE_DAYS = 90;
  var CLICK_ID_MAX_CHARS = 500;
  var FORM_LIFE_MS = 10000;
  var MATCH_KEYS = ["em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id"];
  var STANDARD_EVENTS = [
    "PageView", "AddPaymentInfo", "AddToCart", "AddToWishlist", "CompleteRegistration", "Contact",
    "CustomizeProduct", "Donate", "FindLocation", "InitiateCheckout", "Lead", "Purchase", "Schedule",
    "Search", "StartTrial", "SubmitApplication", "Subscribe", "ViewContent"
  ];

  var fbq = window.fbq;
  if (typeof fbq !== "function") {
    warn("NO_STUB", "the pixel's base code is missing");
    return;
  }
  if (typeof fbq.callMethod === "function") {
    return; // loaded twice
  }

  var endpoint = ownOrigin() + "/tr/";
  var startedAt = Date.now();
  var pixels = {}; // pixel ID → {id, hashed, ready, count, agent}
  var order = []; // pixel IDs in order of init
  var locked = false; // consent revoked
  var held = []; // sends that wait for consent
  var limited = null; // data processing options
  var lastUrl = null;

  function warn(code, text) {
    if (window.console && console.warn) {
      console.warn("[fake fbevents] " + code + ": " + text);
    }
  }

  function guarded(action) {
    return function () {
      try {
        return action.apply(null, arguments);
      } catch (error) {
        warn("INTERNAL", String(error));
      }
    };
  }

  // The script's own origin, because the server of the script also collects its hits.
  function ownOrigin() {
    var script = document.currentScript;
    if (!script || !script.src) {
      script = document.querySelector('script[src*="fbevents.js"]');
    }
    try {
      return new URL(script.src, location.href).origin;
    } catch (error) {
      return location.origin;
    }
  }

  // ---- cookies -------------------------------------------------------------------------------

  // In a sandboxed frame, which has no origin, every access to cookies throws.
  function hasCookies() {
    try {
      return typeof document.cookie === "string";
    } catch (error) {
      return false;
    }
  }

  function readCookie(name) {
    if (!hasCookies()) {
      return null;
    }
    var found = document.cookie.split("; ").filter(function (pair) {
      return pair.indexOf(name + "=") === 0;
    })[0];
    return found ? found.slice(name.length + 1) : null;
  }

  function writeCookie(name, value, domain) {
    document.cookie = name + "=" + value + ";path=/;max-age=" + COOKIE_DAYS * 86400 + ";SameSite=Lax" +
      (domain ? ";domain=." + domain : "");
    return readCookie(name) === value;
  }

  // The widest domain for which the browser keeps a cookie, and its index: labels minus one.
  function cookiePlace() {
    var host = location.hostname;
    var labels = host.split(".");
    var isAddress = /^[\d.]+$/.test(host) || host.indexOf(":") >= 0;
    if (isAddress || labels.length === 1) {
      return { index: 0, domain: null };
    }
    for (var index = 1; index < labels.length; index++) {
      var domain = labels.slice(labels.length - 1 - index).join(".");
      var kept = writeCookie("_fbprobe", "1", domain);
      document.cookie = "_fbprobe=;path=/;max-age=0;domain=." + domain;
      if (kept) {
        return { index: index, domain: domain };
      }
    }
    return { index: labels.length - 1, domain: null };
  }

  function isEnvelope(value) {
    return !!value && /^fb\.\d+\.\d+\.[^.]+(\.[\w-]{2,8})?$/.test(value);
  }

  function writeCookies() {
    if (!hasCookies()) {
      return;
    }
    var place = cookiePlace();
    var fbp = readCookie("_fbp");
    if (!isEnvelope(fbp)) {
      fbp = "fb." + place.index + "." + Date.now() + "." + String(Math.floor(Math.random() * 9e9) + 1e9);
    }
    writeCookie("_fbp", fbp, place.domain);
    var clickId = new URLSearchParams(location.search).get("fbclid");
    var fbc = readCookie("_fbc");
    if (clickId && clickId.length <= CLICK_ID_MAX_CHARS) {
      clickId = clickId.replace(/\./g, "__DOT__");
      if (!isEnvelope(fbc) || fbc.split(".")[3] !== clickId) {
        fbc = "fb." + place.index + "." + Date.now() + "." + clickId;
      }
    }
    if (isEnvelope(fbc)) {
      writeCookie("_fbc", fbc, place.domain);
    }
  }

  // ---- advanced matching ---------------------------------------------------------------------

  function normalise(key, value) {
    var text = String(value).trim().toLowerCase();
    if (key === "ph") {
      return text.replace(/\D/g, "").replace(/^0+/, "");
    }
    if (key === "external_id") {
      return String(value).trim();
    }
    if (key === "em" || key === "db") {
      return text;
    }
    return text.replace(/[\s!-/:-@[-`{-~]/g, "");
  }

  function sha256(text) {
    if (!window.crypto || !crypto.subtle || !window.TextEncoder) {
      return Promise.resolve(null);
    }
    return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)).then(function (digest) {
      return Array.prototype.map.call(new Uint8Array(digest), function (byte) {
        return ("0" + byte.toString(16)).slice(-2);
      }).join("");
    });
  }

  // Raw values are hashed here, so that only hashes leave the page.
  function hashMatchKeys(userData) {
    var hashed = {};
    var work = [];
    MATCH_KEYS.forEach(function (key) {
      var value = userData[key];
      if (value === undefined || value === null || value === "") {
        return;
      }
      if (/^[0-9a-f]{64}$/i.test(String(value).trim())) {
        hashed[key] = String(value).trim().toLowerCase();
        return;
      }
      var text = normalise(key, value);
      if (text) {
        work.push(sha256(text).then(function (hash) {
          if (hash) {
            hashed[key] = hash;
          }
        }));
      }
    });
    return { hashed: hashed, done: work.length ? Promise.all(work).catch(function () {}) : null };
  }

  // ---- sending -------------------------------------------------------------------------------

  function asText(value) {
    return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
  }

  function newEventId() {
    var id = "";
    while (id.length < 32) {
      id += Math.floor(Math.random() * 16).toString(16);
    }
    return id;
  }

  // Parameter names and their order come from captured requests of the real library.
  function parameters(pixel, name, data, eventId, extra) {
    var list = [
      ["id", pixel.id],
      ["ev", name],
      ["dl", location.href],
      ["rl", document.referrer],
      ["if", String(window.top !== window)],
      ["ts", String(Date.now())]
    ];
    Object.keys(data).forEach(function (key) {
      if (data[key] !== undefined && data[key] !== null) {
        list.push(["cd[" + key + "]", asText(data[key])]);
      }
    });
    list.push(["sw", String(screen.width)], ["sh", String(screen.height)]);
    MATCH_KEYS.forEach(function (key) {
      if (pixel.hashed[key]) {
        list.push(["ud[" + key + "]", pixel.hashed[key]]);
      }
    });
    list.push(["v", VERSION], ["r", RELEASE]);
    if (pixel.agent) {
      list.push(["a", pixel.agent]);
    }
    list.push(["ec", String(pixel.count++)], ["o", "4126"]);
    [["fbp", "_fbp"], ["fbc", "_fbc"]].forEach(function (pair) {
      var value = readCookie(pair[1]);
      if (isEnvelope(value)) {
        list.push([pair[0], value]);
      }
    });
    list.push(["ler", document.referrer ? "other" : "empty"], ["it", String(startedAt)], ["coo", "false"]);
    if (extra) {
      list.push(extra);
    }
    list.push(["eid", eventId], ["cdl", ""]);
    if (limited) {
      list.push(["dpo", limited.options.join(",")], ["dpoco", String(limited.country)], ["dpost", String(limited.state)]);
    }
    return list;
  }

  function transmit(list) {
    var query = list.concat([["rqm", "GET"]]).map(function (pair) {
      return pair[0] + "=" + encodeURIComponent(pair[1]);
    }).join("&");
    var url = endpoint + "?" + query;
    if (url.length < URL_LENGTH_LIMIT) {
      new Image(1, 1).src = url;
    } else {
      submitForm(list.concat([["rqm", "formPOST"]]));
    }
  }

  // Sends a hit that is too long for an address, as a form in a hidden frame.
  function submitForm(list) {
    var name = "fb" + newEventId();
    var frame = document.createElement("iframe");
    frame.name = name;
    frame.style.display = "none";
    var form = document.createElement("form");
    form.method = "post";
    form.action = endpoint;
    form.target = name;
    form.acceptCharset = "utf-8";
    form.style.display = "none";
    list.forEach(function (pair) {
      var input = document.createElement("input");
      input.type = "hidden";
      input.name = pair[0];
      input.value = pair[1];
      form.appendChild(input);
    });
    document.body.appendChild(frame);
    document.body.appendChild(form);
    form.submit();
    form.remove();
    setTimeout(function () { frame.remove(); }, FORM_LIFE_MS);
  }

  // Waits for consent and for the hashes, and keeps the order of each pixel's calls.
  function send(pixel, name, data, eventId, extra) {
    if (locked) {
      held.push([pixel, name, data, eventId, extra]);
      return;
    }
    var go = guarded(function () { transmit(parameters(pixel, name, data, eventId, extra)); });
    if (pixel.ready) {
      pixel.ready = pixel.ready.then(go);
    } else {
      go();
    }
  }

  // ---- calls ---------------------------------------------------------------------------------

  function init(id, userData, options) {
    id = String(id);
    if (!/^\d+$/.test(id)) {
      warn("INVALID_PIXEL_ID", id);
      return;
    }
    var pixel = pixels[id];
    if (!pixel) {
      pixel = pixels[id] = { id: id, hashed: {}, ready: null, count: 0, agent: null };
      order.push(id);
    }
    if (options && options.agent) {
      pixel.agent = String(options.agent);
    }
    if (userData && typeof userData === "object") {
      var work = hashMatchKeys(userData);
      pixel.hashed = work.hashed;
      pixel.ready = work.done;
    }
    if (!locked) {
      writeCookies();
    }
    if (lastUrl === null) {
      lastUrl = location.href;
    }
  }

  function report(ids, name, params, options, extra, isCustom) {
    if (typeof name !== "string" || !name) {
      warn("MISSING_EVENT_NAME", "an event needs a name");
      return;
    }
    if (!isCustom && STANDARD_EVENTS.indexOf(name) < 0) {
      warn("NONSTANDARD_EVENT", name + " is not a standard event; use trackCustom");
    }
    var data = params && typeof params === "object" ? params : {};
    if (data.eventID || data.event_id) {
      warn("EVENT_ID_IN_PARAMS", "eventID belongs into the fourth argument; it was not used");
    }
    // All pixels of the page get one ID. If the page gives none, the library makes one that no server knows.
    var given = options && (options.eventID || options.event_id);
    var eventId = given ? String(given) : newEventId();
    ids.forEach(function (id) { send(pixels[id], name, data, eventId, extra); });
  }

  function single(id, name, params, options, extra, isCustom) {
    if (!pixels[String(id)]) {
      warn("PIXEL_NOT_INITIALIZED", String(id));
      return;
    }
    report([String(id)], name, params, options, extra, isCustom);
  }

  function consent(action) {
    if (action === "revoke") {
      locked = true;
    } else if (action === "grant") {
      var wasLocked = locked;
      locked = false;
      if (wasLocked && order.length) {
        writeCookies();
      }
      held.splice(0).forEach(function (waiting) { send.apply(null, waiting); });
    } else {
      warn("INVALID_CONSENT_ACTION", String(action));
    }
  }

  function dataProcessingOptions(options, country, state) {
    limited = Array.isArray(options) && options.length
      ? { options: options, country: country || 0, state: state || 0 }
      : null;
  }

  var methods = {
    init: init,
    track: function (name, params, options) { report(order, name, params, options, null, false); },
    trackCustom: function (name, params, options) { report(order, name, params, options, null, true); },
    trackSingle: function (id, name, params, options) { single(id, name, params, options, ["tm", "1"], false); },
    trackSingleCustom: function (id, name, params, options) { single(id, name, params, options, ["tm", "2"], true); },
    consent: consent,
    dataProcessingOptions: dataProcessingOptions,
    set: function () {},
    setUserProperties: function () {}
  };

  function call(method) {
    if (!Object.prototype.hasOwnProperty.call(methods, method)) {
      warn("INVALID_FBQ_METHOD", String(method));
      return;
    }
    methods[method].apply(null, Array.prototype.slice.call(arguments, 1));
  }

  // ---- page views of single-page apps --------------------------------------------------------

  function pageChanged() {
    if (fbq.disablePushState === true || lastUrl === null || location.href === lastUrl) {
      return;
    }
    lastUrl = location.href;
    report(order, "PageView", {}, null, null, false);
  }

  ["pushState", "replaceState"].forEach(function (name) {
    var original = history[name];
    if (typeof original !== "function") {
      return;
    }
    history[name] = function () {
      var result = original.apply(this, arguments);
      guarded(pageChanged)();
      return result;
    };
  });
  window.addEventListener("popstate", guarded(pageChanged));

  // ---- adoption of the stub ------------------------------------------------------------------

  var waiting = Array.isArray(fbq.queue) ? fbq.queue.slice() : [];
  fbq.version = VERSION;
  fbq.callMethod = guarded(call);
  fbq.queue = [];
  waiting.forEach(function (entry) {
    // An entry is an `arguments` object or an array.
    if (entry && typeof entry.length === "number") {
      fbq.callMethod.apply(null, Array.prototype.slice.call(entry));
    }
  });
})();
