"""Our conversation templates in Jinja, as `chat_template.jinja` beside a model's weights.

Other programs (servers, transformers' own tools) lay out conversations by it. It gives the same
text as `ConversationTemplate.render` for conversations that begin with a question.
"""

from __future__ import annotations

import json
from typing import Any

from minigpt4.processing.conversation import IMAGE_PLACEHOLDER, ConversationTemplate

_JINJA = """\
{%- set state = namespace(images=0, system=none) -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{%- set told = message.content -%}
{%- set state.system = told if told is string else told[0].text -%}
{%- elif message.content is not string -%}
{%- for part in message.content if part.type != 'text' -%}
{%- set state.images = state.images + 1 -%}
{%- endfor -%}
{%- endif -%}
{%- endfor -%}
{%- if state.system is not none -%}{{ state.system }}
{%- elif state.images -%}{{ SYSTEM }}
{%- endif -%}
{%- for message in messages if message.role != 'system' -%}
{{ USER_PREFIX if message.role == 'user' else ASSISTANT_PREFIX }}
{%- if message.content is string -%}{{ message.content }}
{%- else -%}
{%- for part in message.content if part.type != 'text' -%}
{{ IMAGE }}
{%- if not loop.last or message.content | selectattr('type', 'equalto', 'text') | list -%}{{ GAP }}
{%- endif -%}
{%- endfor -%}
{%- for part in message.content if part.type == 'text' -%}{{ part.text }}
{%- if not loop.last -%}{{ ' ' }}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- if message.role == 'user' -%}{{ USER_SUFFIX }}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ CUE }}{%- endif -%}
"""


def jinja_template(template: Any) -> str | None:
    """Write a template in Jinja; None for an LLM's own, which its tokenizer has already."""
    if not isinstance(template, ConversationTemplate):
        return None
    cue = template.assistant_prefix if template.answer_cue is None else template.answer_cue
    values = {
        "USER_PREFIX": template.user_prefix,
        "USER_SUFFIX": template.user_suffix,
        "ASSISTANT_PREFIX": template.assistant_prefix,
        "SYSTEM": template.system,
        "IMAGE": template.image_open + IMAGE_PLACEHOLDER + template.image_close,
        "GAP": " " if template.image_close else "",
        "CUE": cue,
    }
    text = _JINJA
    for name, value in values.items():
        text = text.replace("{{ " + name, "{{ " + json.dumps(value)).replace(
            "else " + name, "else " + json.dumps(value)
        )
    return text
