"""A template is a stranger's program: it reaches nothing and costs little."""

import pytest

from dmr_desktop.engine.formats import sandbox
from dmr_desktop.engine.formats.template import ChatTemplate
from dmr_desktop.protocol.errors import InvalidRequest

HELLO = [{"role": "user", "content": "hi"}]

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ strftime_now.__self__.__class__ }}",
    "{{ raise_exception.__globals__ }}",
    "{{ messages.__class__.__base__ }}",
    "{{ '{0.__class__.__mro__}'.format(1) }}",
    "{{ '%s'.__mod__.__self__.__class__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ self._TemplateReference__context.environment }}",
    "{{ ().__class__ }}",
    "{{ (messages | attr('__class__')).__mro__ }}",
    "{{ (messages | map(attribute='__class__') | list)[0].__mro__ }}",
    "{{ ''['__class__'].__mro__ }}",
    "{{ messages.pop(0) }}",
    "{{ messages[0].update({'role': 'system'}) }}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_nothing_escapes(source: str) -> None:
    try:
        rendered = ChatTemplate(source).render(HELLO)
    except InvalidRequest:
        return
    assert rendered == ""


GREEDY = [
    "{{ 'x' * 10**9 }}",
    "{{ 10**9 * 'x' }}",
    "{{ [1] * 10**9 }}",
    "{{ 9 ** 9999999 }}",
    "{{ range(10**9) }}",
    "{% set n = namespace(x='x') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "{% set n = namespace(x='x') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
    "{{ 'a'.ljust(10**9) }}",
    "{{ 'a' | center(10**9) }}",
    "{{ 'a' | indent(10**9, true) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ '%*d' | format(10**9, 1) }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ '{:>{w}}'.format(1, w=10**9) }}",
    "{{ strftime_now('%1000000000Y') }}",
    "{{ lipsum(n=100000) }}",
    "{% for i in range(100000) %}{{ 'y' * 1000 }}{% endfor %}",
]


@pytest.mark.parametrize("source", GREEDY)
def test_memory_is_bounded(source: str) -> None:
    with pytest.raises(InvalidRequest):
        ChatTemplate(source).render(HELLO)


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% set a = range(99999) | list %}{% for i in a %}{% for j in a %}{{ '' }}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    ],
)
def test_loops_end(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MAX_STEPS", 10_000)
    with pytest.raises(InvalidRequest, match="too long"):
        ChatTemplate(source).render(HELLO)


def test_what_users_write_is_never_too_large_a_number() -> None:
    messages = [{"role": "user", "content": "%99999d {:>99999} 12345678901234567890", "n": 10**15}]
    source = "{% macro m(x) %}{{ x }}{% endmacro %}{% for k, v in messages[0] | items %}{{ m(v) | trim }}{% endfor %}"
    assert ChatTemplate(source).render(messages) == "user%99999d {:>99999} 123456789012345678901000000000000000"
