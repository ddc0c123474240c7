// The shop's own behaviour, without Tandem.
(function () {
  "use strict";
  document.querySelectorAll(".stepper button").forEach(function (button) {
    button.addEventListener("click", function () {
      var input = button.parentElement.querySelector("input");
      var next = Number(input.value) + Number(button.dataset.step);
      input.value = Math.min(Number(input.max), Math.max(Number(input.min), next || 1));
    });
  });
})();
