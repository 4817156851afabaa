"""From an uploaded file to its text: txt, md, html, pdf, docx, csv, json, or a clear refusal."""
