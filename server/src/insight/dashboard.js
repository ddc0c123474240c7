// Fetches the page again every five seconds and swaps its contents in place.
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch("/", { cache: "no-store" });
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.title = next.title;
    document.getElementById("main").replaceChildren(...next.getElementById("main").childNodes);
  } catch {
    document.title = "Tandem · away";
  }
}, 5000);
