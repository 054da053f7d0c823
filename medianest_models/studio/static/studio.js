// Colours, times and live pages of the studio. Without this script, pages are light, in UTC, and as old as they are.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const chooseColours = () => { document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light"; };
dark.addEventListener("change", chooseColours);
chooseColours();

const localTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Show times in the reader's zone, with UTC beside them. */
function showLocalTimes(root) {
    for (const time of root.querySelectorAll("time:not(.local)")) {
        const at = new Date(time.dateTime);
        if (isNaN(at)) continue; // a value that can't be read, with the reason
        const utc = document.createElement("span");
        utc.textContent = time.textContent;
        time.replaceChildren(localTime.format(at), " ", utc);
        time.classList.add("local");
    }
}

/** Whether the reader is at work here: has chosen rows, or opened a menu or dialog. */
const isBusy = () => document.querySelector("tbody input:checked, .modal.show, .dropdown-menu.show") !== null;

/** Replace the parts of the page that are not what they were when they were loaded; name the change if that disturbs. */
function follow(live) {
    const names = live.dataset.live.split(" ");
    const parts = live.dataset.parts.split(" ");
    const loaded = new Map(parts.map((part) => [part, document.querySelector(part).innerHTML]));
    let source = null, due = null;

    async function refresh() {
        due = null;
        let fresh;
        try {
            const response = await fetch(location.href);
            if (!response.ok) return;
            fresh = new DOMParser().parseFromString(await response.text(), "text/html");
        } catch {
            return; // the next connection refreshes
        }
        for (const part of parts) {
            const now = fresh.querySelector(part)?.innerHTML;
            if (now === undefined || now === loaded.get(part)) continue;
            if (isBusy()) {
                live.hidden = false;
                return;
            }
            loaded.set(part, now);
            const place = document.querySelector(part);
            place.innerHTML = now;
            showLocalTimes(place);
        }
        live.hidden = true;
    }

    // Many changes are one refresh. The first is due at once, because something may have changed since the page was loaded.
    const refreshSoon = () => { due ??= setTimeout(refresh, 500); };

    function connect() {
        if (document.hidden) { // a browser has six connections for all tabs
            source?.close();
            source = null;
        } else if (source === null) {
            source = new EventSource("/_live");
            for (const name of ["Reload", ...names]) source.addEventListener(name, refreshSoon);
            source.addEventListener("Unavailable", () => source.close());
        }
    }
    document.addEventListener("visibilitychange", connect);
    connect();
}

document.addEventListener("DOMContentLoaded", () => {
    const live = document.querySelector("[data-live]");
    if (live) follow(live);
    showLocalTimes(document);
});

// The library's JSON editor, which it makes in an earlier handler of jQuery's, has controls without a name.
addEventListener("load", () => $(() => {
    for (const search of document.querySelectorAll(".jsoneditor-search input")) search.setAttribute("aria-label", "Search in the document");
    for (const button of document.querySelectorAll(".jsoneditor-refresh")) button.setAttribute("aria-label", "Search again");
}));
