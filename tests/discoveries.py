"""Topics that nobody had to find."""

from rasa_bert_intent.topics.discovery import Discovery, Member, Topic

EVIL = "</script><script>document.title='broken'</script><!-- <b>bold</b> {{ 7 * 7 }}"


def a_discovery() -> Discovery:
    """Two topics of eight messages, one of which would be a script."""
    topics = []
    for number, name in enumerate(("order_food", "call_vet")):
        texts = [EVIL if number else "order a pizza", *(f"{name} {index}" for index in range(7))]
        members = tuple(Member(text, 2, "greet", 0.25, float(i), number - 0.5 * i) for i, text in enumerate(texts))
        words, coherence = (("order", "food"), 0.5) if number else ((), None)
        topics.append(Topic(name, words, coherence, 8, 16, "greet", 0.5, 0.95 - number / 2, not number, members))
    silhouettes = {2: 0.5, 3: 0.4}
    return Discovery("log.db", "models", "clusters", "both", 0, 16, 32, silhouettes, ("a note",), tuple(topics))
