// Tells people that their browser is too old to read this page. Must know nothing newer than 2009.
(function () {
  var WAIT_MS = 8000;

  function tell() {
    var app = document.getElementById("app");
    if (app && !app.firstChild) document.getElementById("old").removeAttribute("hidden");
  }

  window.addEventListener("error", tell, true);
  window.setTimeout(tell, WAIT_MS);
})();
