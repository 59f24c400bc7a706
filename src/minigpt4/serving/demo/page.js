// The little that gradio has no part for: copying, saving, and following an answer that comes.
window.minigpt4 = {
  async copy(button) {
    const texts = button.closest(".mg-answer").querySelectorAll("[data-text]");
    const text = Array.from(texts, (each) => each.textContent).join("\n");
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without https browsers give no clipboard to pages from other machines.
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  },
  save(text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "conversation.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  },
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (button) window.minigpt4.copy(button);
});

(() => {
  // Keep the newest question at the top with its answer growing below, unless the visitor scrolls.
  let follows = true;
  const release = () => (follows = false);
  const follow = () => {
    const box = document.getElementById("mg-scroll");
    const questions = box?.querySelectorAll(".mg-question");
    if (!questions?.length) return;
    if (box.dataset.questions !== String(questions.length)) {
      box.dataset.questions = questions.length;
      follows = true;
      box.onwheel = box.ontouchmove = release;
    }
    const last = questions[questions.length - 1];
    const top = last.getBoundingClientRect().top - box.getBoundingClientRect().top;
    if (follows) box.scrollTop += top - 12;
  };
  new MutationObserver(follow).observe(document.documentElement, {
    childList: true,
    subtree: true,
  });
})();
