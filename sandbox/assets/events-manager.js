// Asks once a second for new events. The server answers 204 if there are none.
(function () {
  var live = document.getElementById("live");
  var pulse = document.getElementById("pulse");
  async function refresh() {
    try {
      var answer = await fetch("/events-manager/live?since=" + live.dataset.revision, { cache: "no-store" });
      if (answer.status === 200) {
        live.innerHTML = await answer.text();
        live.dataset.revision = answer.headers.get("x-revision");
      }
      pulse.className = "on";
      pulse.textContent = "live";
    } catch (error) {
      pulse.className = "off";
      pulse.textContent = "sandbox is away";
    }
    setTimeout(refresh, document.hidden ? 5000 : 1000);
  }
  refresh();
})();
