"""The catalogues that the profile offers: each asked for once from its beginning, and read whole."""

from __future__ import annotations

from daemon.conformance.repertoire import Desk
from daemon.conformance.table import Note
from middleware.domain.catalogue import (
    CATALOGUES,
    AskCatalogue,
    AskList,
    AskPage,
    Catalogue,
    CatalogueFile,
    CatalogueOffered,
    CataloguePage,
    FetchCatalogue,
    Way,
)
from middleware.domain.fault import Fault
from middleware.domain.kind import Call
from middleware.domain.outcome import Answered


async def catalogues(desk: Desk) -> None:
    """1301 to 1309 with 9102, 1312 and 1317 to 1319 by a page, 1901 by its lists. Nothing is kept."""
    offered = desk.profile.catalogue.offered
    if not offered:
        what = Note("全部目录", "every catalogue")
        desk.talk.leave_out(Call.CATALOGUE_WESTERN, Note("地区文件未列出", "the profile offers none"), what)
    for one in (CATALOGUES[name] for name in offered):
        if one.way is Way.FILE:
            await _file(desk, one)
        elif one.way is Way.PAGES:
            rules = desk.profile.catalogue
            await desk.talk.say(AskPage(one, rules.first_day, 1, rules.page_rows), judge=_page)
        else:
            for name in desk.profile.catalogue.lists:
                await desk.talk.say(
                    AskList(name, desk.talk.now().date()), what=Note(f"{one.zh} {name}", f"{one.en} {name}")
                )


async def _file(desk: Desk, one: Catalogue) -> None:
    offered: CatalogueOffered
    _, offered = await desk.talk.must(AskCatalogue(one, ""))
    if offered.rows == 0:
        desk.talk.remark(Note("中心没有内容", "the centre has nothing of it"))
        return
    what = Note(f"{one.zh}文件", f"file of {one.en}")
    request = FetchCatalogue(one, "", offered.file_number, offered.file_name)
    _, outcome = await desk.talk.say(request, what=what, judge=lambda reply: _whole(reply, offered.rows))
    if isinstance(outcome, Answered) and not desk.talk.lines[-1].note.zh:
        desk.talk.remark(Note(f"{offered.rows} 行", f"{offered.rows} rows"))


def _whole(reply: object, expected: int | None) -> Note:
    """Every row of the file is read, so that a column in another place is found here."""
    if not isinstance(reply, CatalogueFile):
        return Note("应答不是文件", "the answer is no file")
    try:
        rows = sum(1 for _ in reply.rows())
    except Fault as fault:
        return Note(f"整份拒绝：{fault.detail}", f"refused whole: {fault.detail}")
    if expected not in {None, rows}:
        return Note(f"文件 {rows} 行，中心称 {expected} 行", f"{rows} rows, the centre said {expected}")
    return Note()


def _page(reply: CataloguePage) -> Note:
    return Note() if reply.rows else Note("没有行", "no row")
