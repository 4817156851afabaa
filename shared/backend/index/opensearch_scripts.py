"""The small scripts that OpenSearch runs for each document: what it holds of a question's words, and how near it is."""

from __future__ import annotations

from backend.index.opensearch_documents import MOST_COUNTED
from backend.index.scoring import K1, B

_COUNT = f"""
  List words = (List) params.words.get(doc['scope'].value);
  ScriptDocValues.Longs held = (ScriptDocValues.Longs) doc['counts'];
  int size = held.size();
  int at = 0;
  for (int number = 0; number < words.size(); ++number) {{
    long word = ((Number) words.get(number)).longValue();
    while (at < size && held.get(at).longValue() < word) {{ ++at; }}
    if (at == size) {{ break; }}
    long count = held.get(at).longValue() - word;
    if (count <= {MOST_COUNTED}L) {{ FOUND }}
  }}"""
"""Both the words asked for and those held are sorted, so one pass finds all."""

COUNTS_SCRIPT = (
    "List found = new ArrayList();" + _COUNT.replace("FOUND", "found.add(number); found.add(count);") + "return found;"
)
"""Returns number and count of each word that the document shares, in turn."""

BM25_SCRIPT = (
    "double score = 0;"
    "List weights = (List) params.weights.get(doc['scope'].value);"
    "double average = ((Number) params.averages.get(doc['scope'].value)).doubleValue();"
    f"double norm = {K1} * ({1 - B} + {B} * doc['length'].value / average);"
    + _COUNT.replace("FOUND", "score += ((Number) weights.get(number)).doubleValue() * count / (count + norm);")
    + "return score;"
)
"""The formula of backend.index.scoring. It only chooses; scores are worked out from the counts, here as in every index."""

COSINE_SCRIPT = (
    "if (doc['vector'].size() == 0) { return null; }"
    "float[] held = doc['vector'].value;"
    "List asked = (List) params.asked;"
    "double product = 0;"
    "for (int part = 0; part < held.length; ++part) { product += held[part] * (double) asked.get(part); }"
    "return product;"
)

NEARNESS_SCRIPT = """
  List moments = (List) params.moments.get(doc['session'].value);
  long said = doc['said_at'].value;
  int low = 0;
  int high = moments.size();
  while (low < high) {
    int middle = (low + high) / 2;
    if (((Number) moments.get(middle)).longValue() < said) { low = middle + 1; } else { high = middle; }
  }
  double nearest = Double.POSITIVE_INFINITY;
  if (low < moments.size()) { nearest = ((Number) moments.get(low)).doubleValue() - said; }
  if (low > 0) { nearest = Math.min(nearest, said - ((Number) moments.get(low - 1)).doubleValue()); }
  return (nearest + 1) * ((Number) params.densities.get(doc['session'].value)).doubleValue();"""
"""The formula of backend.index.opensearch_sessions: how many documents are likely to be said between this one and a hit."""
