// Keeps a page as it would be if it were loaded now: at a change it fetches itself and replaces the rows that differ.

const news = document.getElementById("news");

function tell(text) {
  news.textContent = text; // role="status": a screen reader says it
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => (news.textContent = ""), 8000);
}

function replaceRows(list, fresh) {
  const known = new Map([...list.children].map((row) => [row.id, row]));
  const rows = [...fresh.children].map((row) => {
    const shown = known.get(row.id);
    if (shown?.isEqualNode(row)) return shown;
    if (row.dataset.told && shown?.dataset.told !== row.dataset.told) tell(row.dataset.told);
    return row;
  });
  const focused = list.contains(document.activeElement) ? document.activeElement.id : "";
  list.replaceChildren(...rows);
  if (focused) document.getElementById(focused)?.focus();
}

let isFetching = false;
let isStale = false;

async function refresh() {
  isStale = true;
  if (isFetching) return; // many changes at once are two fetches
  isFetching = true;
  try {
    while (isStale) {
      isStale = false;
      const response = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
      if (response.redirected) return location.reload(); // to the sign-in
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.querySelectorAll("[data-live]");
      document.querySelectorAll("[data-live]").forEach((list, place) => replaceRows(list, fresh[place]));
    }
  } catch {
    // The server is gone: when it is back, the stream begins with ChangesMissed.
  } finally {
    isFetching = false;
  }
}

function showProgress({ data }) {
  const { id, status, progress } = JSON.parse(data);
  const bar = document.querySelector(`#d-${id} progress`);
  if (status !== "downloading" || !bar) return refresh();
  bar.value = progress;
  bar.nextElementSibling.textContent = `${progress} %`;
}

let stream = null;

function follow() {
  stream = new EventSource("/events");
  for (const change of ["ChangesMissed", "RequestChange", "ServiceChange"]) stream.addEventListener(change, refresh);
  stream.addEventListener("DownloadChange", showProgress);
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED) tell("Changes are not shown any more: reload the page.");
  };
}

// A browser has six connections to a server over HTTP/1.1: only the page that is seen keeps one.
function followWhileSeen() {
  stream?.close();
  if (document.visibilityState === "visible") follow();
}

document.addEventListener("visibilitychange", followWhileSeen);
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => event.persisted && followWhileSeen());
followWhileSeen();
