"""How a reproduction was run, as HTML: command, versions, and the time of each row."""

from __future__ import annotations

from html import escape

from minigpt4.recipes.budget import by_kind
from minigpt4.recipes.results import Results
from minigpt4.recipes.watch import in_words


def running_html(results: Results) -> str:
    """Return command, versions, trainings and the budget."""
    versions = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    commit = f" at commit <code>{escape(results.commit[:12])}</code>" if results.commit else ""
    trainings = "\n".join(
        f"<tr><td>{escape(run.name)}</td><td class='number'>{run.seed}</td>"
        f"<td class='number'>{run.num_steps}</td>"
        f"<td class='number'>{in_words(run.seconds)}</td></tr>"
        for run in results.trainings
    )
    failed = "".join(
        f"<li>{escape(name)}: {escape(error)}</li>" for name, error in results.failures.items()
    )
    failed = f"<p><b>Failed, and so missing above:</b></p><ul>{failed}</ul>" if failed else ""
    return f"""{failed}
<pre>{escape(results.command or "minigpt4 reproduce")}</pre>
<p>Written {escape(results.date)}{commit}; {escape(versions)}. Settings that all rows share:
<code>{escape(_edits(results))}</code></p>
<div class="scroll"><table>
<thead><tr><th>training</th><th class="number">seed</th><th class="number">steps</th>
<th class="number">time of its steps</th></tr></thead>
<tbody>{trainings}</tbody></table></div>
{_budget(results)}
<p class="note">All numbers with their counts, intervals and hashes of prompts and judges are in
<code>results.json</code> beside this page; every answer is in the folder of the runs.</p>
"""


def _budget(results: Results) -> str:
    if not results.planned:
        return ""
    planned, spent = by_kind(results.planned), by_kind(results.seconds)
    rows = "\n".join(
        f"<tr><td>{escape(kind)}</td><td class='number'>{in_words(seconds)}</td>"
        f"<td class='number'>{in_words(spent.get(kind, 0.0))}</td></tr>"
        for kind, seconds in planned.items()
    )
    return f"""<details><summary>Budget: {in_words(sum(planned.values()))} planned; the command that
wrote this page took {time_taken(results)}</summary><div class="scroll"><table>
<thead><tr><th>work</th><th class="number">planned</th><th class="number">spent</th></tr></thead>
<tbody>{rows}</tbody></table></div>
<p class="note">What an earlier command had finished was used again and costs nothing here.</p>
</details>"""


def time_taken(results: Results) -> str:
    """Say how long the command took, and how much work that was if rows ran side by side."""
    taken = in_words(results.wall_seconds)
    if results.num_jobs == 1:
        return taken
    work = in_words(sum(results.seconds.values()))
    return f"{taken}, {results.num_jobs} rows at a time ({work} if they are added up)"


def _edits(results: Results) -> str:
    settings = results.settings
    return " ".join([f"base={settings.base}", f"seeds={settings.seeds}", *settings.edits])
