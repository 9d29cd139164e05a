"use strict";

/* Says on the page why a passkey was not used; allauth's scripts do the rest. */

document.addEventListener("allauth.error", (event) => {
  const place = document.getElementById("passkey-error");
  if (!place) return;
  event.preventDefault();
  const isRefused = event.detail.exception.name === "NotAllowedError";
  place.textContent = isRefused
    ? "No passkey was used: it was cancelled, or took too long."
    : `No passkey was used: ${event.detail.exception.message}`;
  place.hidden = false;
});
