// "Every site" or "only these": ticking a site means the second, and choosing the first unticks them.

for (const set of document.querySelectorAll("fieldset.reach")) {
  const [every, some] = set.querySelectorAll('input[name="reach"]');
  if (!some) continue;
  const sites = set.querySelectorAll('input[name="site"]');
  set.addEventListener("change", (event) => {
    if (event.target === every) for (const site of sites) site.checked = false;
    else if (event.target.checked) some.checked = true;
  });
}
