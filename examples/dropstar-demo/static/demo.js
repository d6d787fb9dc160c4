// A message that has been written leaves the field empty for the next one.
document.addEventListener("htmx:after:request", (event) => {
  const form = event.target.closest && event.target.closest("form.write");
  if (form) form.reset();
});
