"""Forms in a real browser: what is entered is what pydantic accepts."""

from __future__ import annotations

from typing import Any

import pytest

from playground_support import FakeApi

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("browser")]

URL = "https://media.example/file"


def opened(page: Any, operation: str) -> Any:
    page.goto(f"/play/{operation}")
    page.wait_for_selector("html[data-ready]")
    return page


def entered(page: Any, **values: object) -> None:
    """Fill in fields by the names that the API uses."""
    for name, value in values.items():
        control = labelled(page, name)
        if control.evaluate("element => element.tagName") == "SELECT":
            control.select_option(label=str(value))
        elif control.get_attribute("type") == "checkbox":
            control.set_checked(bool(value))
        else:
            control.fill(str(value))


def labelled(scope: Any, name: str) -> Any:
    """The first control of the field with that API name."""
    head = f'xpath=.//*[contains(@class, "field-head")][code[text()="{name}"]]'
    label = scope.locator(head).first.locator("label")
    return scope.locator(f"#{label.get_attribute('for')}")


def listed(page: Any, name: str) -> Any:
    return page.locator(f'xpath=.//fieldset[legend/code[text()="{name}"]]').first


def ran(page: Any, api: FakeApi) -> dict[str, Any]:
    """The body that the server accepted. Jobs stand still meanwhile."""
    before = len(api.bodies)
    with page.expect_response(lambda response: response.request.headers.get("prefer") == "respond-async") as caught:
        page.click("#run")
    assert caught.value.status == 202, caught.value.text()
    assert len(api.bodies) > before
    return api.bodies[-1]


def quiet(page: Any) -> None:
    page.uncheck("#auto-preview")


def test_what_is_left_empty_is_not_sent(page: Any, api: FakeApi) -> None:
    opened(page, "addaudio")
    quiet(page)
    entered(page, url_video=URL, url_audio=URL, volume_db=-6.5, mode="mix")
    assert ran(page, api) == {"url_video": URL, "url_audio": URL, "volume_db": -6.5, "mode": "mix"}


def test_groups_colours_switches_and_options(page: Any, api: FakeApi) -> None:
    opened(page, "caption")
    quiet(page)
    page.locator("summary").filter(has_text="style").click()
    page.click("#options-group > summary")
    entered(page, url_video=URL, url_srt=URL, size=8, bold=True, position="top_left", quality=90, codec="hevc")
    swatch = labelled(page, "primary_colour").locator("xpath=../input[@type='color']")
    swatch.fill("#ffe000")
    labelled(page, "box_colour").fill("#00000080")
    body = ran(page, api)
    assert body["style"] == {
        "size": 8,
        "bold": True,
        "position": "top_left",
        "primary_colour": "#FFE000",
        "box_colour": "#00000080",
    }
    assert body["output"] == {"codec": "hevc", "quality": 90}


def test_lists_grow_shrink_and_change_their_order(page: Any, api: FakeApi) -> None:
    opened(page, "img2vid")
    quiet(page)
    images = listed(page, "images")
    for number in range(3):
        images.get_by_role("button", name="Add to").click()
        assert page.evaluate("document.activeElement.closest('li') !== null")
        labelled(images.locator("li").nth(number), "image_url").fill(f"{URL}{number}")
    entered(images.locator("li").nth(2), motion="pan_up", duration=1.5)
    images.get_by_role("button", name="Move Image 3 up").click()
    images.get_by_role("button", name="Remove Image 1").click()
    assert ran(page, api)["images"] == [
        {"image_url": f"{URL}2", "motion": "pan_up", "duration": 1.5},
        {"image_url": f"{URL}1"},
    ]


def test_every_shape_of_field_reaches_pydantic_as_it_was_meant(page: Any, api: FakeApi) -> None:
    opened(page, "hard")
    quiet(page)
    entered(page, camera="pan", way="right", needed="yes", is_loud=True, mood="wild", rank=2, maybe="no", fade_ms=250)
    second = labelled(page, "second_camera")
    second.select_option(label="zoom")
    second.locator("xpath=ancestor::*[@class='union'][1]").locator(".branch input").fill("2.5")
    amount = labelled(page, "amount")
    amount.select_option(label="list")
    amount_box = amount.locator("xpath=ancestor::*[@class='union'][1]")
    amount_box.get_by_role("button", name="Add to").click()
    amount_box.locator("li input").fill("7")
    size = listed(page, "size")
    size.locator("input").nth(0).fill("4")
    size.locator("input").nth(1).fill("3")
    entered(page, extra='{"a": 1}', anything='[null, {"x": "y"}]', words="two\nlines")
    layers = listed(page, "layers")
    layers.get_by_role("button", name="Add to: Layers").click()
    labelled(layers, "image_url").fill(URL)
    layers.get_by_role("button", name="Add to: Tags").click()
    layers.locator("fieldset li input").first.fill("sky")
    layers.get_by_role("button", name="Add to: Children").first.click()
    labelled(layers.locator("li li"), "image_url").fill(f"{URL}2")
    grid = listed(page, "grid")
    grid.get_by_role("button", name="Add to: Grid").click()
    for number in range(2):
        grid.locator("fieldset").get_by_role("button", name="Add to").click()
        grid.locator("li li input").nth(number).fill(str(number))
    listed(page, "sounds").get_by_role("button", name="Add to").click()
    listed(page, "sounds").locator("li input").first.fill(URL)
    entered(page, badge="Set", text="new")
    assert ran(page, api) == {
        "camera": {"kind": "pan", "way": "right"},
        "second_camera": {"kind": "zoom", "factor": 2.5},
        "amount": [7],
        "size": [4, 3],
        "extra": {"a": 1},
        "anything": [None, {"x": "y"}],
        "layers": [{"image_url": URL, "tags": ["sky"], "children": [{"image_url": f"{URL}2"}]}],
        "grid": [[0, 1]],
        "sounds": [URL],
        "mood": "wild",
        "rank": 2,
        "is_loud": True,
        "maybe": False,
        "badge": {"text": "new"},
        "words": "two\nlines",
        "needed": "yes",
        "fade_ms": 250,
    }


def test_a_form_takes_up_again_what_was_in_it(page: Any, api: FakeApi) -> None:
    opened(page, "hard")
    quiet(page)
    entered(page, camera="pan", way="left", needed="abc", amount="string")
    labelled(page, "amount").locator("xpath=ancestor::*[@class='union'][1]").locator(".branch input").fill("7")
    listed(page, "layers").get_by_role("button", name="Add to: Layers").click()
    labelled(listed(page, "layers"), "image_url").fill(URL)
    opened(page, "hard")
    quiet(page)
    body = ran(page, api)
    assert body["camera"] == {"kind": "pan", "way": "left"}
    assert body["amount"] == "7"
    assert body["layers"] == [{"image_url": URL}]
    page.click("#reset")
    assert labelled(page, "needed").input_value() == ""


@pytest.mark.parametrize("operation", ["addaudio", "caption", "img2vid", "hard"])
def test_every_control_has_a_label_and_its_help(page: Any, operation: str) -> None:
    opened(page, operation)
    for details in page.locator("details").all():
        details.evaluate("element => (element.open = true)")
    for control in page.locator("form input:not([type=file]), form select, form textarea").all():
        assert control.evaluate("element => element.labels.length === 1 || Boolean(element.ariaLabel)")
        described = control.get_attribute("aria-describedby") or ""
        assert all(page.locator(f"#{name}").count() == 1 for name in described.split())


def test_what_is_wrong_is_said_beside_the_field_before_anything_is_sent(page: Any, api: FakeApi) -> None:
    opened(page, "img2vid")
    quiet(page)
    entered(page, zoom=1, width=1001)
    page.click("#run")
    zoom = labelled(page, "zoom")
    width = labelled(page, "width")
    assert "more than 1" in described(page, zoom)
    assert "multiple of 2" in described(page, width)
    assert width.evaluate("element => element === document.activeElement")
    assert api.bodies == []
    width.fill("1002")
    assert "multiple" not in described(page, width)


def test_what_the_server_finds_wrong_stands_beside_the_field_and_gets_the_focus(page: Any, api: FakeApi) -> None:
    opened(page, "addaudio")
    quiet(page)
    entered(page, url_video=URL, url_audio=URL)
    # As a newer server may refuse what this form allows.
    page.evaluate("document.querySelectorAll('input[type=number]').forEach(input => input.removeAttribute('max'))")
    page.route(
        "**/video/addaudio",
        lambda route: route.fulfill(
            status=422,
            json={
                "message": "2 things are wrong",
                "errors": [
                    {"path": "delay_s", "message": "is too long.", "remedy": "Shorten it."},
                    {"path": "output.codec", "message": "does not fit.", "remedy": ""},
                ],
            },
        ),
    )
    page.click("#run")
    delay = labelled(page, "delay_s")
    page.wait_for_selector("[aria-invalid=true]")
    assert "is too long. Shorten it." in described(page, delay)
    assert delay.evaluate("element => element === document.activeElement")
    assert labelled(page, "codec").is_visible()
    assert "does not fit." in described(page, labelled(page, "codec"))


def described(page: Any, control: Any) -> str:
    names = (control.get_attribute("aria-describedby") or "").split()
    return " ".join(page.locator(f"#{name}").inner_text() for name in names)


def test_steps_of_a_pipeline_take_the_video_of_the_step_before(page: Any, api: FakeApi) -> None:
    opened(page, "pipeline")
    quiet(page)
    steps = listed(page, "steps")
    first = steps.locator("xpath=./ol/li").nth(0)
    first.locator("select").first.select_option(label="img2vid")
    labelled(first, "url_image").fill(URL)
    steps.get_by_role("button", name="Add to: Steps").click()
    later = steps.locator("xpath=./ol/li").nth(1)
    later.locator("select").first.select_option(label="caption")
    assert not labelled(later, "url_video").is_visible()
    labelled(later, "url_srt").fill(URL)
    assert ran(page, api) == {
        "steps": [{"operation": "img2vid", "url_image": URL}, {"operation": "caption", "url_srt": URL}]
    }
