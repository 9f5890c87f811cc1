"""How people and programs ask for JSON and nothing else: what they say of the keys, and of all that they do not want.

``{keys}`` is what is said of the keys (:data:`KEYS_SAID`), ``{example}`` an object with places to fill in. Square
brackets list alternatives; what begins with ``~`` is held out.
"""

from __future__ import annotations

QUOTES = ("'{}'", "'{}'", '"{}"', '"{}"', "`{}`", "{}", "{}", "{}", "the {}")
KEYS_SAID = (
    "{k}",
    "the keys {k}",
    "keys {k}",
    "keys: {k}",
    "{k} keys",
    "{k} as keys",
    "the fields {k}",
    "fields {k}",
    "{k} fields",
    "the properties {k}",
    "exactly the keys {k}",
    "only the keys {k}",
    "these keys: {k}",
    "the following fields: {k}",
    "keys named {k}",
    "~the attributes {k}",
)
KEY_SAID = (
    "{k}",
    "the key {k}",
    "one key: {k}",
    "a {k} key",
    "a single key {k}",
    "{k} as key",
    "the field {k}",
    "a field {k}",
    "only the key {k}",
    "the property {k}",
    "a key named {k}",
    "~one attribute {k}",
)
KEY_SENTENCES = (
    "[Return|Give me|Give|Write|Send|Output|Provide|Deliver] the [result|answer|output|response|data] as [a|] JSON "
    "[object|] with {keys}.",
    "[Return|Give me|Write|Send|Output|Provide] it as [a|] JSON [object|] with {keys}.",
    "[Return|Write|Output] [a|] JSON [object|] with {keys}.",
    "[Answer|Reply|Respond] [in|as|with] JSON with {keys}.",
    "[Answer|Reply|Respond] in JSON[ format|], {keys}.",
    "[Answer|Reply|Respond] with a JSON object that [has|contains|holds] {keys}.",
    "The [answer|output|response|result] [must|should|has to] be [a|] JSON [object|] with {keys}.",
    "[Your answer|The JSON|The object|The output] [must|should|has to] [have|contain|include] {keys}.",
    "Use {keys} in [a|the] JSON[ object|].",
    "Format [it|your answer|the output|the result] as JSON with {keys}.",
    "I [need|want|expect] [a|] JSON [object|] with {keys}.",
    "JSON[ please|], {keys}.",
    "Put it into JSON with {keys}.",
    "[As|In] JSON with {keys}.",
    "[Output|Output format|Format]: JSON with {keys}.",
    "Always [answer|reply|respond] [as|in] JSON with {keys}.",
    "You [answer|reply] with JSON objects that have {keys}.",
    "~Produce JSON having {keys}.",
    "~Let your [answer|reply] be JSON with {keys}.",
)
EXAMPLE_SENTENCES = (
    "[Use|Follow|Keep to] [this|the following] [format|shape|structure|template]: {example}",
    "[Answer|Reply|Respond] [like this|in this form|in this format]: {example}",
    "[Answer|Reply|Respond] with JSON like {example}",
    "The [answer|output|response|result] [looks like|has the form|must look like] {example}",
    "[Format|Output format|Shape|JSON format|Response format]: {example}",
    "Return JSON in the form {example}",
    "Fill in: {example}",
    "Return [a|] JSON [object|] of [this|the] shape:\n{example}",
    "[Output|Return|Write] JSON like this:\n```json\n{example}\n```",
    "~Stick to this pattern: {example}",
)
ONLY_SENTENCES = (
    "[Return|Output|Reply with|Respond with|Answer with|Write|Print|Send|Give me|Provide|Say] nothing "
    "[other than|but|except|besides|apart from] [JSON|the JSON|valid JSON|the JSON object|a JSON object|this JSON|it].",
    "[Return|Output|Reply with|Respond with|Answer with|Write|Print|Send|Give me|Provide] only [valid|the|raw|plain|] "
    "JSON[, nothing else|, no other text| and nothing else|].",
    "[Respond|Reply|Answer] only [with|in] [valid|] JSON.",
    "[Respond|Reply|Answer] [with|in] [valid|] JSON only.",
    "Only [output|return|write|respond with|send] [the|valid|] JSON[ object|].",
    "Only JSON[, please|, no other text|, nothing else|].",
    "JSON only[, no markdown|, please|, no other text|, nothing else|].",
    "No [other text|markdown|explanation|explanations|prose|comments|code fences|extra text|more text|other output].",
    "[Do not|Don't|Never] [write|add|include|say|output|return] [anything else|any other text|any explanation|markdown"
    "|other text|code fences|comments|other keys|any text besides the JSON|anything before or after it|anything but "
    "JSON].",
    "Nothing else.",
    "Nothing [other than|but] [that|JSON|the object].",
    "Just [the|] JSON[, nothing more|, nothing else|].",
    "Your [whole|entire|complete] [response|answer|output|reply] must be [valid|] JSON[ and nothing else|].",
    "Without [any other text|markdown|explanations|comments|other words].",
    "A [program|parser|script] reads [it|the output|your answer], so [only JSON|no other text|nothing but JSON].",
    "[Please|] no other [text|words|output|keys].",
    "There [must|should] be no text other than the JSON.",
    "[No markdown|No explanation], [just|only] [the|] JSON.",
    "[Everything|Anything] [else|other than JSON] is an error.",
    "It must be valid JSON.",
    "Make sure that it is [valid|correct] JSON.",
    "~JSON exclusively.",
    "~Leave out [all|every] other [text|word].",
    "~[Whatever|Text that] is not JSON [breaks|confuses] my program.",
    "~I [cannot|can't] use anything other than JSON.",
)
KEY_ENDINGS = (
    "as [a|] JSON [object|] with {keys}",
    "as JSON, {keys}",
    ", in JSON with {keys}",
    "in JSON[ format|], with {keys}",
    "and [return|write|give|send] it as JSON with {keys}",
    ", as JSON ({keys})",
    "- JSON with {keys}",
    "and answer in JSON with {keys}",
    "~, JSON containing {keys}",
)
ONLY_ENDINGS = (
    ", nothing else",
    ", only JSON",
    "and no other text",
    ", JSON only",
    ", no markdown",
    ", nothing but JSON",
    ", nothing other than JSON",
    ", no explanation",
    "and nothing else",
    ", without any other text",
    "only",
    "~, JSON exclusively",
)
TEXTS = (
    '"{}"',
    '"{}"',
    "'{}'",
    "\n{}",
    "\n\n{}",
    "\n---\n{}\n---",
    "```\n{}\n```",
    "<text>{}</text>",
    "<<{}>>",
    "“{}”",
)  # how people set a text off from what they want done with it
INTRODUCTIONS = (
    "Text: {text}",
    "Input: {text}",
    "Sentence: {text}",
    "Message: {text}",
    "The text: {text}",
    "The sentence is {text}",
    "Here is a text: {text}",
    "Extract the data: {text}",
    "Extract the [fields|values|facts] from {text}",
    "[Analyze|Analyse|Parse|Read|Process] [this|the] [text|sentence|message]: {text}",
    "[Get|Take|Pull] the [data|details|information] out of {text}",
    "[Turn|Convert|Transform] this into JSON: {text}",
    "Document: {text}",
    "What does this say? {text}",
    "~This is what was said: {text}",
)
ROLES = (
    "",
    "",
    "You are a helpful assistant.",
    "You are an assistant that speaks JSON.",
    "You extract data.",
    "You are an extraction assistant.",
    "You are an API.",
    "You are a backend service.",
    "You read texts and fill in fields.",
    "You are a parser of texts.",
)
JOKE_KEYS = (
    ("setup", "punchline"),
    ("setup", "punchline"),
    ("setup", "punchline"),
    ("setup", "punchline"),
    ("question", "answer"),
    ("opening", "ending"),
    ("joke_setup", "joke_punchline"),
    ("first_line", "second_line"),
    ("setup", "delivery"),
    ("intro", "punch_line"),
    ("q", "a"),
)
JOKE_ABOUT_KEYS = ("topic", "about", "subject", "animal")
RESULT_KEYS = ("result", "answer", "value", "number", "solution", "output")
CAPITAL_KEYS = ("capital", "city", "answer", "result", "name")
TEXT_KEYS = ("answer", "reply", "response", "text", "message", "content", "output", "result", "explanation")
COPY_KEYS = ("word", "text", "echo", "repeated", "message", "output", "value")
EXAMPLE_TEXTS = ("...", "string", "<{key}>", "", "the {key}", "{key} here", "<string>")
EXAMPLE_NUMBERS = ("0", "number", "<number>", "1", "...")
