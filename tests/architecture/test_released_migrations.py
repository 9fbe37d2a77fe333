"""Migrations are history: those of a release never change, for databases have run them as they were."""

from hashlib import sha256
from pathlib import Path

import pytest

from db.migrations import condition_views, quantile_views, views

VERSIONS = Path(__file__).parents[2] / "db" / "migrations" / "versions"
# Each SHA-256 is added with the release that brings the migration or the view's text.
RELEASED = {
    "0001": "7779bd3c88bc492d830efd9eb3b0ef4e1fa193538ead45f49d4e5b5165496ce0",
    "0002": "9ed72bcafc57cf2f5fbc1578912e61cbc487c372d4b37120fc220e32358bba76",
    "0003": "9fa83e752c40ea9284ecfb54fe2234d25a0fb4bdad14b8985ff39766be8a6db8",
    "0004": "c4dc0f210c34a1010cc2f9b340d7b26561eb8b94cd7d9b6ebb809635b5f8a3a0",
    "0005": "b105145b1fe731825e43af5cce7f8059ba9423c2de0cd3892713ce84dffcb132",
    "0006": "29a010cebc467bbb0d34d30e60d6c11150db7a7f9e79d3a8e91fb808b98a1980",
    "0007": "8d989eb01d44b3de590e409aed68faa211136d0e4ec96eec92cd000882191fb7",
    "0008": "2065a717e1b6024d6c3b79f9e82fbb3dfba923efabfe91889e39056d48d4ffc2",
    "0009": "8400d9840b2822773a4df98d7c809d428625d5fecc9967b28a495d94d4d3ebf9",
    "0010": "55863d7573dff177c832523d07110e40f4a6fab3cce75d28238bd94f28d7546e",
    "0011": "f4457492afde4a7249d7f569dbb7b66320dab858a029f7fff17e019c5b0b2a46",
    "0012": "b8584d38cc3fce10359d1284a7e1814c413d8d5178a8a60d536d8f5491c8c13a",
    "0013": "155baad72a47e6342611f98093beceff3d24e3deb8849cc552b0ddd97f73d7a2",
    "0014": "c12cd83189adaf4df873593537053870814082ff513998e1503e123b5f830755",
    "0015": "93f032030eedf8cc175ad98ebba4f40b5bc673af76e822f4f354ad6902adcafa",
    "0016": "ae490b8b80417bda70a6b8b402db09556ab596fd55336f0f09264dbb8d55d0ea",
    "0017": "7a5eb3003b515c53408650adf8c5a1c155e81a09d62fd91203b7b185bcb3245c",
    "0018": "7efb0a8d01ba6afba9a987c22bc23f25db182adfb29a046b4565de0ce9c3ccd1",
    "0019": "9fc58e2766ae62db68b5118cda250d6dbddce200157ab9220dc944f09a6ce705",
}
RELEASED_VIEWS = {
    "LATEST_FORECAST_1": "758ca2df67619a6a76f41641ba4281f3782f5b8156adee2dff603f77f46c1a6f",
    "FORECAST_WITH_OUTCOME_1": "5546a21c8ac21d11e7cd87423959abb70c00f4e527bf213e1c1c3d39e6664bbd",
    "LATEST_FORECAST_2": "e869cb5efbedb2022c104110228224bf0a9a2c96754552dd729a1c1b4496b407",
    "FORECAST_WITH_OUTCOME_2": "2311260c5e08a538d70fdd5b07b3abb997f8177f4b2338c4c4df8061868753ea",
    "COVERAGE_BY_HORIZON_3": "9ecee7588ae836f7fd8f3f52426163d45a946b35dbe73489b3363389f55fd72a",
    "PINBALL_BY_LEVEL_3": "dfc8e62020a4a85a101f4b2af967b9b0360964cf311c4358883265013c672834",
    "LATEST_FORECAST_6": "8b2acf8611357e27cd1a08834e8e415a2ae4740774e3770de32a81131f0c904b",
    "FORECAST_WITH_OUTCOME_6": "e27d617f12d56d102d81c3ef09d8ba9dee6392be365a2df2fccb87113be77afc",
    "PINBALL_BY_LEVEL_6": "6241e0329994a7bf067951cdb758dda290504748bb0223bc440a1d5ddd9fe22a",
    "CONTRACT_VERSION_6": "318aeefbd875638d17514852fca1cfbf2378e70d11f73dacb7bf5fb84fd5ac56",
    "LATEST_FORECAST_8": "d2ae7d8a8165801db08fea844d198d006d93cd1020e1802866cb7a11f6e7dc61",
    "FORECAST_WITH_OUTCOME_8": "5d33e17c4adac086054ec6a6a3e9e3cc64ac03d215f6bbda75b890bd3b0138f3",
    "ALL_COVERAGE_BY_HORIZON_8": "14f5b76d7d43da940f8c90f6680965711728328f5930b6604bf0dbd69ef04084",
    "ALL_COVERAGE_BY_TICKER_8": "c97c451836839a52dbaedf663642390340062dd6e0e62bec752b5cd6a3a981f8",
    "ALL_PINBALL_BY_LEVEL_8": "95bf5886627ded22b7b8cebb1f61f40b43040d71165156baf84938aa7ba89d57",
    "COVERAGE_BY_HORIZON_8": "f23753cdd24ac455a90a3a3b8323a8bc916874f37285ad77c13d38385f62f176",
    "COVERAGE_BY_TICKER_8": "5c8100e4f6288c3874dcdeccb2188700206b20ff67665775f5d954b927769430",
    "PINBALL_BY_LEVEL_8": "c924f30f564e8687a6ed927917d53783c651e0af83fc27576f4ba90ffbc2ea4f",
    "ADJUSTED_CLOSE_8": "df41649a723844b67a4881d84ed38ab195d206727f46992c2f58b67ba35655e1",
    "MISSING_FORECASTS_8": "322f6a763be864bbee4f236567bc0315bd0bf820f07f21b474faf6bd14b6544a",
    "CONTRACT_VERSION_8": "d9114f38014054f47d7898a65d6bbf9752b16e6df87616719386de9613520e35",
    "LATEST_FORECAST_12": "84a82b365bc67eb5229397c766ad0344bf1c394e7ee81363d07ac0feb81cefeb",
    "COVERAGE_BY_HORIZON_12": "fd04cc07ff51cdde8d89db60b021de66f3937fe93785d97992eb066707a5f9b8",
    "COVERAGE_BY_TICKER_12": "2fc4fccddc2f459cd059b706d59091c0a5026751eea9c32bd405db8aa43b94c6",
    "CONTRACT_VERSION_12": "2a8c827841a08062c49df4e3d73f4a8beed472ff55e9292bd6bcb124aa6019d0",
    "ALL_COVERAGE_BY_CONDITION_13": "0a1bbbf80579c3c4a3242d0a5a63d103d1ab8a16fca843b69c316cd72a716147",
    "ALL_TOUCHES_BY_TENTH_13": "acf869abf45554a4a2d4d1ae97ddc15b1d5eb7a8407cd575d2cd4e621b5f68b5",
    "ALL_DRAWDOWNS_BY_LEVEL_13": "a427d630edf45db54f555dc51725666270cb7c167bd15d38737a1ad4bf8e5e84",
    "COVERAGE_BY_CONDITION_13": "2e84471b0b5cad25d83030a5448686772243760f46e6f109bf637e0afa91df59",
    "TOUCHES_BY_TENTH_13": "e033163560d1dd31be0bd28445ee22ed550f2ef905cf3aaa6a38b8c683ded5f1",
    "DRAWDOWNS_BY_LEVEL_13": "0022f8fab3dfc309fca2a080c7299d5480ef0fad227368c4cbd96112a1b6c7bc",
    "FRESHNESS_15": "061f175b39f69d918731782c0d7717209632a0e185fa6878ba0c28e5889cee72",
    "FORECAST_QUANTILES_16": "97a8fd1cb6158f407b11fc3c45f94726d125ef5ce5d5bebb8dd9e313982dde0c",
    "CONTRACT_VERSION_16": "622f7de5afdaef11697ec31baf56c422fd9d1cf489a165737c4367f834887f8e",
}
TEXTS = vars(views) | vars(condition_views) | vars(quantile_views)


@pytest.mark.parametrize("number", RELEASED)
def test_a_released_migration_is_as_it_was(number: str) -> None:
    (path,) = VERSIONS.glob(f"{number}_*.py")
    assert sha256(path.read_bytes()).hexdigest() == RELEASED[number]


@pytest.mark.parametrize("name", RELEASED_VIEWS)
def test_the_text_of_a_released_view_is_as_it_was(name: str) -> None:
    assert sha256(TEXTS[name].encode()).hexdigest() == RELEASED_VIEWS[name]


def test_at_most_the_newest_migration_is_not_released_yet() -> None:
    numbers = sorted(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))
    assert set(numbers[:-1]) <= set(RELEASED)
