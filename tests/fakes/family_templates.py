"""A small template for each way in which families of models spell calls and reasoning, written for these tests.

Names are those of the table in docs/formats.md.
"""

from tests.fakes import chat_templates

_BODY = """\
{{- bos_token }}
{%- if tools %}{{- '<tools>' + (tools | tojson) + '</tools>' }}{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'assistant' %}
        {{- 'ASSISTANT' }}
        REASONING
        {%- if message.content %}{{- 'ANSWER' + message.content + 'ANSEND' }}{%- endif %}
        {%- if message.tool_calls %}
CALLS
        {%- endif %}
        {{- 'TURNEND' }}
    {%- elif message.role == 'tool' %}
        {{- '<|turn|>tool<|body|>' + message.content + 'TURNEND' }}
    {%- else %}
        {{- '<|turn|>' + message.role + '<|body|>' + message.content + 'TURNEND' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- 'ASSISTANTOPENING' }}{%- endif %}
"""

_THINK = """\
{%- if message.reasoning_content %}{{- '<think>' + message.reasoning_content + '</think>' }}{%- endif %}"""


def _template(
    calls: str,
    *,
    reasoning: str = "",
    opening: str = "",
    answer: tuple[str, str] = ("", ""),
    assistant: str = "<|turn|>assistant<|body|>",
    turn_end: str = "<|turn_end|>",
) -> str:
    parts = {
        "OPENING": opening,
        "REASONING": reasoning,
        "CALLS": calls,
        "ANSWER": answer[0],
        "ANSEND": answer[1],
        "ASSISTANT": assistant,
        "TURNEND": turn_end,
    }
    source = _BODY
    for name, text in parts.items():
        source = source.replace(name, text)
    return source


def _each(call: str, *, before: str = "", after: str = "", between: str = "") -> str:
    """Calls one after another; ``call`` is template text that sees ``f``, the function, and ``loop``."""
    separator = f"{{%- if not loop.first %}}{{{{- '{between}' }}}}{{%- endif %}}" if between else ""
    return f"""\
{{{{- '{before}' }}}}
{{%- for call in message.tool_calls %}}{{%- set f = call.function %}}
{separator}
{call}
{{%- endfor %}}
{{{{- '{after}' }}}}"""


def _arguments(argument: str, between: str = "") -> str:
    """``argument`` is template text that sees ``k`` and ``v``; ``s`` is the value as text."""
    separator = f"{{%- if not loop.first %}}{{{{- '{between}' }}}}{{%- endif %}}" if between else ""
    return f"""\
{{%- for k, v in f.arguments.items() %}}
{{%- set s = v if v is string else (v | tojson) %}}
{separator}
{argument}
{{%- endfor %}}"""


_JSON = """{{- '{"name": "' + f.name + '", "arguments": ' + (f.arguments | tojson) + '}' }}"""

_TAGS = "{{- '<parameter=' + k + '>\\n' + s + '\\n</parameter>\\n' }}"
QWEN_CODER = _template(
    _each(
        "{{- '<tool_call>\\n<function=' + f.name + '>\\n' }}"
        + _arguments(_TAGS)
        + "{{- '</function>\\n</tool_call>' }}",
        between="\\n",
    ),
    reasoning=_THINK,
)

SEED = _template(
    _each(
        "{{- '<seed:tool_call>\\n<function=' + f.name + '>\\n' }}"
        + _arguments("{{- '<parameter=' + k + '>' + s + '</parameter>\\n' }}")
        + "{{- '</function>\\n</seed:tool_call>' }}",
        between="\\n",
    ),
    reasoning=_THINK.replace("think>", "seed:think>"),
)

GLM = _template(
    _each(
        "{{- '\\n<tool_call>' + f.name }}"
        + _arguments("{{- '\\n<arg_key>' + k + '</arg_key>\\n<arg_value>' + s + '</arg_value>' }}")
        + "{{- '\\n</tool_call>' }}"
    ),
    reasoning=_THINK,
    opening="<think>",
)

MINIMAX_2 = _template(
    _each(
        "{{- '<invoke name=\"' + f.name + '\">\\n' }}"
        + _arguments("{{- '<parameter name=\"' + k + '\">' + s + '</parameter>\\n' }}")
        + "{{- '</invoke>\\n' }}",
        before="<minimax:tool_call>\\n",
        after="</minimax:tool_call>",
    ),
    reasoning=_THINK,
    opening="<think>\\n",
)

_NESTED = """\
{%- macro write(v) -%}
{%- if v is mapping -%}
{%- for k, inner in v.items() -%}{{ ']<]x[>[<' + k + '>' }}{{ write(inner) }}{{ ']<]x[>[</' + k + '>' }}{%- endfor -%}
{%- elif v is sequence and v is not string -%}
{%- for inner in v -%}{{ ']<]x[>[<item>' }}{{ write(inner) }}{{ ']<]x[>[</item>' }}{%- endfor -%}
{%- else -%}{{ v if v is string else (v | tojson) }}{%- endif -%}
{%- endmacro -%}
"""
MINIMAX_3 = _NESTED + _template(
    _each(
        "{{- ']<]x[>[<invoke name=\"' + f.name + '\">' + write(f.arguments) + ']<]x[>[</invoke>\\n' }}",
        before="]<]x[>[<tool_call>\\n",
        after="]<]x[>[</tool_call>",
    ),
    reasoning=_THINK,
)

KIMI_2 = _template(
    _each(
        "{{- '<|call_begin|>functions.' + f.name + ':' + (loop.index0 | string) + '<|args_begin|>' }}"
        "{{- (f.arguments | tojson) + '<|call_end|>' }}",
        before="<|section_begin|>",
        after="<|section_end|>",
    ),
    reasoning=_THINK,
)

KIMI_3 = _template(
    _each(
        "{{- '<|open|>call tool=\"' + f.name + '\" index=\"' + (loop.index | string) + '\"<|sep|>' }}"
        + _arguments(
            "{%- set t = 'string' if v is string else 'boolean' if v is boolean else 'number' if v is number"
            " else 'null' if v is none else 'object' if v is mapping else 'array' %}"
            "{{- '<|open|>argument key=\"' + k + '\" type=\"' + t + '\"<|sep|>' + s + '<|close|>argument<|sep|>' }}"
        )
        + "{{- '<|close|>call<|sep|>' }}",
        before="<|open|>tools<|sep|>",
        after="<|close|>tools<|sep|>",
    ),
    reasoning="{{- '<|open|>think<|sep|>' + (message.reasoning_content or '') + '<|close|>think<|sep|>' }}",
    answer=("<|open|>response<|sep|>", "<|close|>response<|sep|>"),
    opening="<|open|>think<|sep|>",
)

DSML = _template(
    _each(
        "{{- '<｜D｜invoke name=\"' + f.name + '\">\\n' }}"
        + _arguments(
            "{{- '<｜D｜parameter name=\"' + k + '\" string=\"' + ('true' if v is string else 'false') + '\">' }}"
            "{{- s + '</｜D｜parameter>\\n' }}"
        )
        + "{{- '</｜D｜invoke>\\n' }}",
        before="\\n\\n<｜D｜function_calls>\\n",
        after="</｜D｜function_calls>",
    ),
    reasoning=_THINK,
)

LLAMA = _template(
    "{%- if message.tool_calls | length != 1 %}{{- raise_exception('one call at once') }}{%- endif %}"
    "{%- set f = message.tool_calls[0].function %}" + _JSON.replace('arguments":', 'parameters":')
)

FUNCTIONARY = _template(_each("{{- '<function=' + f.name + '>' + (f.arguments | tojson) + '</function>' }}"))

FUNCTIONARY_2 = _template(
    _each("{{- ('' if loop.first and not message.content else '>>>') + f.name + '\\n' + (f.arguments | tojson) }}"),
    assistant="<|turn|>assistant<|body|>>>>",
    answer=("all\\n", ""),
)

MISTRAL = _template(
    _each("{{- '[TOOL_CALLS]' + f.name + '[CALL_ID]' + call.id + '[ARGS]' + (f.arguments | tojson) }}"),
    reasoning="{#- [THINK] and [/THINK] stand around what the model thinks -#}",
)

GEMMA = """\
{%- macro write(v) -%}
{%- if v is string -%}{{ '<|"|>' + v + '<|"|>' }}
{%- elif v is mapping -%}{{ '{' }}{%- for k, i in v.items() -%}{{ k + ':' }}{{ write(i) }}{{ '' if loop.last else ',' }}
{%- endfor -%}{{ '}' }}
{%- elif v is iterable -%}{{ '[' }}{%- for i in v -%}{{ write(i) }}{{ '' if loop.last else ',' }}{%- endfor -%}{{ ']' }}
{%- else -%}{{ v | tojson }}{%- endif -%}
{%- endmacro -%}
""" + _template(
    _each("{{- '<|tool_call>call:' + f.name + write(f.arguments) + '<tool_call|>' }}"),
    reasoning="""\
{%- if message.reasoning_content %}
{{- '<|channel>thought\\n' + message.reasoning_content + '<channel|>' }}
{%- endif %}""",
)

COHERE = _template(
    _each(
        '{{- \'\\n    {"tool_call_id": "\' + (loop.index0 | string) + \'", "tool_name": "\' + f.name }}'
        "{{- '\", \"parameters\": ' + (f.arguments | tojson) + '}' }}",
        before="<|START_ACTION|>[",
        after="\\n]<|END_ACTION|>",
        between=",",
    ),
    reasoning="""\
{%- if message.reasoning_content %}{{- '<|START_THINKING|>' + message.reasoning_content + '<|END_THINKING|>' }}
{%- endif %}""",
    answer=("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
)

HARMONY = """\
{%- if tools %}{{- '<|start|>developer<|message|>namespace functions ' + (tools | tojson) + '<|end|>' }}{%- endif %}
{{- '<|start|>system<|message|>Reasoning: ' + (reasoning_effort or 'medium') + '<|end|>' }}
{%- for message in messages %}
    {%- if message.role == 'assistant' and message.tool_calls %}
        {%- if message.content and message.thinking %}{{- raise_exception('not both') }}{%- endif %}
        {%- set thought = message.thinking or message.content %}
        {%- if thought %}
            {{- '<|start|>assistant<|channel|>analysis<|message|>' + thought + '<|end|>' }}
        {%- endif %}
        {%- set f = message.tool_calls[0].function %}
        {{- '<|start|>assistant to=functions.' + f.name + '<|channel|>commentary json<|message|>' }}
        {{- (f.arguments | tojson) + '<|call|>' }}
    {%- elif message.role == 'assistant' %}
        {%- if message.thinking %}
            {{- '<|start|>assistant<|channel|>analysis<|message|>' + message.thinking + '<|end|>' }}
        {%- endif %}
        {{- '<|start|>assistant<|channel|>final<|message|>' + message.content + '<|return|>' }}
    {%- elif message.role == 'tool' %}
        {{- '<|start|>functions.' + (message.name or '') + ' to=assistant<|channel|>commentary<|message|>' }}
        {{- message.content + '<|end|>' }}
    {%- else %}
        {{- '<|start|>' + message.role + '<|message|>' + message.content + '<|end|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start|>assistant' }}{%- endif %}
"""

APERTUS = _template(
    _each(
        "{{- '{\"' + f.name + '\": ' + (f.arguments | tojson) + '}' }}",
        before="<|tools_prefix|>[",
        after="]<|tools_suffix|>",
        between=", ",
    )
)

JSON_LIST = _template(_each(_JSON, before="<TOOLCALL>[", after="]</TOOLCALL>", between=", "), reasoning=_THINK)

JSON_LINES = _template(_each("{{- '\\n' }}" + _JSON, before="<tool_calls>", after="\\n</tool_calls>"))

APRIEL = _template(
    _each(_JSON, before="<tool_calls>[", after="]</tool_calls>", between=", "),
    reasoning="""\
{%- if message.reasoning_content %}{{- message.reasoning_content + '\\n[BEGIN FINAL RESPONSE]\\n' }}{%- endif %}""",
    opening="My reasoning, step by step:\\n",
)

LFM = _template(
    _each(
        "{{- f.name + '(' }}" + _arguments("{{- k + '=' + (v | tojson) }}", ", ") + "{{- ')' }}",
        before="<|tool_call_start|>[",
        after="]<|tool_call_end|>",
        between=", ",
    ),
    reasoning=_THINK,
)

GIGACHAT = _template(
    "{%- set f = message.tool_calls[0].function %}{{- '<|function_call|>' }}" + _JSON, turn_end="<|message_sep|>"
)

MINICPM = _template(
    _each(
        "{{- '<function name=\"' + f.name + '\">' }}"
        + _arguments("{{- '<param name=\"' + k + '\">' + s + '</param>' }}")
        + "{{- '</function>' }}",
        between="\\n",
    ),
    reasoning=_THINK,
)

SOLAR = _template(
    _each(
        "{{- '<|call:begin|>' + call.id + '<|call:name|>' + f.name + '<|call:args|>' + (f.arguments | tojson) }}"
        "{{- '<|call:end|>' }}",
        before="<|tool_calls|>",
        after="<|calls|>",
    ),
    assistant="<|begin|>assistant",
    answer=("<|content|>", ""),
    turn_end="<|end|>",
    reasoning="""\
{%- if message.reasoning_content %}{{- '<|think|>' + message.reasoning_content + '<|end|><|begin|>assistant' }}
{%- endif %}""",
)

# What follows shows no calls of the history: only its words tell.

SMOLLM = (
    "{%- if xml_tools %}{{- 'Tools: ' ~ xml_tools ~ ' Answer with <tool_call>{...}</tool_call>.' }}{%- endif %}"
    + chat_templates.CHATML_PLAIN
)

GRANITE_3 = """\
{%- if tools %}{{- '<|start|>system<|end|>Respond with <|tool_call|> and a list.' + (tools | tojson) }}{%- endif %}
{%- if thinking %}{{- 'Thoughts between <think></think>, the response between <response></response>.' }}{%- endif %}
{%- for message in messages %}{{- '<|start|>' + message.role + '<|end|>' + message.content + '<|eot|>' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start|>assistant<|end|>' }}{%- endif %}
"""

PHI_4 = """\
{%- for message in messages %}
    {{- '<|' + message.role + '|>' + message.content }}
    {%- if message.role == 'system' and message.tools %}{{- '<|tool|>' + message.tools + '<|/tool|>' }}{%- endif %}
    {{- '<|end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}
"""

LFM_2 = (
    "{%- if tools %}{{- '<|tool_list_start|>' + (tools | tojson) + '<|tool_list_end|>' }}{%- endif %}"
    + chat_templates.CHATML_PLAIN
)

# Calls are shown, but the tools are not told.

DEEPSEEK = _template(
    _each(
        "{{- '<｜call▁begin｜>' + f.name + '<｜sep｜>' + (f.arguments | tojson) + '<｜call▁end｜>' }}",
        before="<｜calls▁begin｜>",
        after="<｜calls▁end｜>",
    ),
    reasoning=_THINK,
).replace("{%- if tools %}", "{%- if false %}")

FAMILIES = {
    "hermes": chat_templates.HERMES_THINKING,
    "qwen3-coder": QWEN_CODER,
    "seed-oss": SEED,
    "glm": GLM,
    "minimax-m2": MINIMAX_2,
    "minimax-m3": MINIMAX_3,
    "minimax-m1": JSON_LINES,
    "kimi-k2": KIMI_2,
    "kimi-k3": KIMI_3,
    "deepseek-r1": chat_templates.NAME_THEN_JSON,
    "deepseek-v3": DEEPSEEK,
    "deepseek-v3.2": DSML,
    "llama-3": LLAMA,
    "functionary-3.1": FUNCTIONARY,
    "functionary-3.2": FUNCTIONARY_2,
    "mistral-nemo": chat_templates.CALL_LIST,
    "mistral-small": MISTRAL,
    "gemma-4": GEMMA,
    "command-r7b": COHERE,
    "gpt-oss": HARMONY,
    "apertus": APERTUS,
    "nemotron-nano-2": JSON_LIST,
    "apriel": APRIEL,
    "lfm2.5": LFM,
    "lfm2": LFM_2,
    "gigachat": GIGACHAT,
    "minicpm5": MINICPM,
    "solar-open": SOLAR,
    "smollm3": SMOLLM,
    "granite-3": GRANITE_3,
    "phi-4-mini": PHI_4,
}
