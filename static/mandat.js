// What HTML alone cannot do. Every page works without this file.
//
// Listeners are the document's: htmx replaces the body when one goes back, so
// nothing may hold on to an element.
(() => {
  "use strict";

  const byID = (id) => document.getElementById(id);
  const on = (type, listener, capture) => document.addEventListener(type, listener, capture);
  const say = (text) => { byID("status").textContent = text; };

  // Moves the focus to the list of errors; in a panel else to what it says, to
  // its first field or to its heading.
  const focusIn = (root) => {
    const places = [".errors"];
    if (root.id === "panel") places.push(".message", ".form :is(input:not([type=hidden]), select, textarea)", "h2");
    const to = places.map((p) => root.querySelector(p)).find(Boolean);
    if (!to) return;
    if (to.tabIndex < 0) to.tabIndex = -1;
    to.focus();
  };

  // Unsaved work: a field of a posting form that differs from what the page came
  // with, unless the browser itself filled it in.
  const changed = (field) => {
    if (field.type === "hidden" || field.matches(":autofill")) return false;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.options) {
      const options = [...field.options];
      return field.selectedIndex !== Math.max(0, options.findIndex((o) => o.defaultSelected));
    }
    return field.defaultValue !== undefined && field.value !== field.defaultValue;
  };
  const unsaved = (root) => [...root.querySelectorAll("form[method=post]")].some((form) => [...form.elements].some(changed));

  addEventListener("beforeunload", (e) => {
    if (!document.querySelector("form[aria-busy]") && unsaved(document)) e.preventDefault();
  });

  // What a page shows of somebody goes when their session does: when they sign out
  // in another tab, whatever is typed here; when nothing was done here, nor asked
  // for by another tab, for as long as a session lasts unused; and when a page comes
  // back from the browser's memory after its session. The sign-in page, which only
  // shows while nobody is signed in, tells the other tabs.
  const idle = document.documentElement.dataset.idle * 1000; // NaN: nobody is signed in
  const tabs = new BroadcastChannel("mandat");
  let usedAt = Date.now();
  const leave = (to) => {
    usedAt = Infinity; // leaving once is enough
    document.body.replaceChildren(); // without waiting for an answer, which may not come
    location.replace(to);
  };
  const lapse = () => {
    if (Date.now() - usedAt > idle) leave(`/sign-in?next=${encodeURIComponent(document.querySelector(".foot [name=next]").value)}`);
  };
  if (idle) {
    const used = () => {
      lapse(); // of a device that slept nothing was asked
      usedAt = Math.max(usedAt, Date.now());
    };
    tabs.onmessage = (e) => {
      if (e.data === "signed out") leave("/sign-in");
      else used();
    };
    tabs.postMessage("used");
    setInterval(lapse, 15000);
    on("visibilitychange", lapse);
    for (const deed of ["keydown", "pointerdown"]) on(deed, used, true);
    addEventListener("pageshow", async (e) => {
      if (!e.persisted) return;
      document.body.hidden = true;
      const answer = await fetch("/sign-in", { redirect: "manual" }).catch(() => null);
      if (answer?.type === "opaqueredirect") document.body.hidden = false;
      else leave("/sign-in");
    });
  } else if (location.pathname === "/session/ended" || document.querySelector("form[action='/session']")) {
    tabs.postMessage("signed out");
  }

  // The panel shows what its links and forms are answered. Its opener is
  // remembered by address: by the time the panel closes, the row it was in may be
  // a new one.
  let opener = "";

  // htmx.ajax itself names no target to the server.
  const ask = (method, path, source, event) => htmx.ajax(method, path, { source, event, target: "#panel", headers: { "HX-Target": "panel" } });

  // Says whether the panel may close: with unsaved work only at the second attempt.
  const mayClose = (panel) => {
    if (panel.querySelector(".unsaved") || !unsaved(panel)) return true;
    const note = document.createElement("p");
    note.className = "message warn unsaved";
    note.role = "alert";
    note.textContent = panel.dataset.unsaved;
    panel.querySelector(".panel-body").prepend(note);
    return false;
  };

  on("cancel", (e) => {
    if (e.target.id === "panel" && !mayClose(e.target)) e.preventDefault();
  }, true);

  on("close", (e) => {
    if (e.target.id !== "panel") return;
    e.target.replaceChildren();
    const link = document.querySelector(`a[data-panel][href="${CSS.escape(opener)}"]`);
    const menu = link?.closest("[popover]");
    (menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : link)?.focus();
  }, true);

  on("click", (e) => {
    const panel = byID("panel");
    const inside = (selector) => e.target.closest(selector);

    const link = inside("a[data-panel]");
    if (link && !(e.ctrlKey || e.metaKey || e.shiftKey || e.altKey)) {
      e.preventDefault();
      opener = link.getAttribute("href");
      ask("GET", opener, link, e);
    }

    const close = inside("#panel [data-close]");
    if (panel.open && (close || e.target === panel)) { // the dialog itself: beside it
      e.preventDefault();
      if (mayClose(panel)) panel.close();
    }

    if (inside(".dismiss")) {
      e.preventDefault();
      inside(".message").remove();
    }

    const copy = inside(".copy");
    if (copy) {
      navigator.clipboard.writeText(copy.dataset.copy).then(() => {
        copy.lastElementChild.textContent = copy.dataset.copied;
        say(copy.dataset.copied);
      });
    }
  });

  // Passwords are seen while their reader wants to, and masked when they go out.
  document.documentElement.dataset.script = "";
  const reveal = (button, shown) => {
    button.previousElementSibling.type = shown ? "text" : "password";
    button.ariaPressed = shown;
  };
  on("click", (e) => {
    const button = e.target.closest(".reveal");
    if (button) reveal(button, button.ariaPressed !== "true");
  });
  on("submit", (e) => {
    for (const button of e.target.querySelectorAll(".reveal")) reveal(button, false);
  }, true);

  on("change", (e) => {
    if (!e.target.matches("[data-all]")) return;
    for (const tick of e.target.closest("table").querySelectorAll("tbody .tick input")) tick.checked = e.target.checked;
  });

  // Passkeys: the panel is asked what to sign, the browser asks its person, and the
  // answer goes out with the form that the button is in.
  if (window.PublicKeyCredential && navigator.credentials) document.documentElement.dataset.passkeys = "";

  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  // Older browsers leave both ways of the JSON to the page.
  const read = (kind, o) => {
    const name = kind === "create" ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
    if (PublicKeyCredential[name]) return PublicKeyCredential[name](o);
    const list = (ids) => ids?.map((c) => ({ ...c, id: bytes(c.id) }));
    return {
      ...o, challenge: bytes(o.challenge), user: o.user && { ...o.user, id: bytes(o.user.id) },
      excludeCredentials: list(o.excludeCredentials), allowCredentials: list(o.allowCredentials),
    };
  };
  const written = (c) => {
    if (c.toJSON) return c.toJSON();
    const response = { transports: c.response.getTransports?.() };
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (c.response[part]) response[part] = text(c.response[part]);
    }
    return { id: c.id, rawId: c.id, type: c.type, clientExtensionResults: {}, response };
  };

  const fieldOf = (button) => button.form.querySelector(`input[name="${button.dataset.field}"]`);

  const usePasskey = async (button) => {
    const { form } = button, field = fieldOf(button), place = field.nextElementSibling;
    const tell = (about) => {
      place.textContent = button.dataset[about];
      place.classList.toggle("error", about !== "kept");
    };
    const body = new URLSearchParams();
    for (const name of ["submission", ...(button.dataset.send ?? "").split(" ")]) {
      const sent = form.querySelector(`input[name="${name}"]`);
      if (sent) body.set(name, sent.value);
    }
    place.replaceChildren();
    const answer = await fetch(button.dataset.ask, { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer) return tell("away");
    if (answer.headers.has("HX-Redirect")) return location.assign(answer.headers.get("HX-Redirect"));
    if (!answer.ok) {
      if (!answer.headers.has("HX-Retarget")) return tell("away"); // a proxy's page
      place.innerHTML = await answer.text();
      return;
    }
    const kind = button.dataset.passkey;
    try {
      const made = await navigator.credentials[kind]({ publicKey: read(kind, await answer.json()) });
      field.value = JSON.stringify(written(made));
    } catch (e) {
      tell({ NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known", SecurityError: "site" }[e.name] ?? "failed");
      return;
    }
    if (button.dataset.kept) tell("kept"); // what the form is for is another button's
    else form.requestSubmit();
  };

  // Enter in a field of a form that a passkey is to be made with.
  on("submit", (e) => {
    const button = e.target.querySelector("[data-passkey=create]");
    if (!button || fieldOf(button).value) return;
    e.preventDefault();
    e.stopImmediatePropagation();
    button.click();
  }, true);

  on("click", async (e) => {
    const button = e.target.closest("[data-passkey]");
    if (!button || button.ariaBusy) return;
    button.ariaBusy = "true"; // one question at a time
    await usePasskey(button).finally(() => { button.ariaBusy = null; });
  });

  // A form is sent once, until its answer is there.
  on("submit", (e) => {
    const form = e.target;
    if (form.method !== "post") return;
    if (form.ariaBusy) {
      e.preventDefault();
      e.stopImmediatePropagation();
      return;
    }
    form.ariaBusy = "true";
    setTimeout(() => { if (form.ariaBusy) say(byID("status").dataset.busy); }, 300);
  }, true);

  on("submit", (e) => {
    const form = e.target;
    if (e.defaultPrevented || !form.closest("#panel")) return;
    e.preventDefault();
    const path = e.submitter?.getAttribute("formaction") ?? form.getAttribute("action");
    ask(form.method.toUpperCase(), path, form, e);
  });

  // A page that was left may come back from the browser's memory.
  addEventListener("pageshow", (e) => {
    if (e.persisted) for (const form of document.querySelectorAll("form[aria-busy]")) form.ariaBusy = null;
  });

  on("htmx:finally:request", (e) => {
    e.detail.ctx.sourceElement.ariaBusy = null;
    say("");
  });

  on("htmx:after:swap", (e) => {
    const { target } = e.detail.ctx;
    if (!target?.isConnected) return;
    if (target.id === "panel") {
      if (!target.open) target.showModal();
      target.scrollTop = 0;
    }
    const said = target.id === "messages" ? target : target.querySelector("[data-say]");
    if (said) say(said.innerText);
    focusIn(target);
  });

  // What a long job tells, as it comes. Where that is not to be had, the page asks
  // for it again and again, as it came.
  const follow = (place) => {
    const stream = new EventSource(place.dataset.stream);
    const end = () => {
      stream.close();
      if (place.isConnected) htmx.ajax("GET", location.pathname, { target: `#${place.id}` });
    };
    stream.onmessage = (e) => {
      if (!place.isConnected) stream.close();
      else if (!place.querySelector("form[aria-busy]")) place.innerHTML = e.data;
    };
    stream.addEventListener("end", end);
    stream.onerror = () => { if (stream.readyState === EventSource.CLOSED) end(); };
    addEventListener("pagehide", () => stream.close());
  };
  const streamed = document.querySelector("[data-stream]");
  if (streamed) follow(streamed);

  // Keys: / searches in the page, g everywhere, arrows move in an open menu.
  on("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const menu = document.querySelector(".menu:popover-open");
    if (menu && (e.key === "ArrowDown" || e.key === "ArrowUp")) {
      const items = [...menu.querySelectorAll("a, button")];
      const at = items.indexOf(document.activeElement);
      const next = e.key === "ArrowDown" ? at + 1 : Math.max(at, 0) - 1;
      items.at(next % items.length).focus();
      e.preventDefault();
      return;
    }
    const box = byID({ "/": "q", g: "jump" }[e.key]);
    if (byID("panel").open || !box?.checkVisibility() || e.target.matches("input, select, textarea")) return;
    box.focus();
    box.select();
    e.preventDefault();
  });

  // A step that nobody has to think about: the form goes on to where the page is.
  // Before the page has loaded it takes its place in the history, so that Back does
  // not come here.
  document.querySelector(`form[data-onward][action="${location.pathname}"]`)?.requestSubmit();

  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  focusIn(document.body);
})();
