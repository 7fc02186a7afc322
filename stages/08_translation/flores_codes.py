"""The codes by which NLLB's models know languages: those of FLORES-200, language and script."""

from __future__ import annotations

from typing import Dict, Final, List

from shared.languages import terminologic

# Of a language with several scripts the one that is meant without a script comes first.
_CODES: Final = """
ace_Latn ace_Arab acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn als_Latn amh_Ethi apc_Arab
arb_Arab arb_Latn ars_Arab ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn
bak_Cyrl bam_Latn ban_Latn bel_Cyrl bem_Latn ben_Beng bho_Deva bjn_Latn bjn_Arab bod_Tibt bos_Latn
bug_Latn bul_Cyrl cat_Latn ceb_Latn ces_Latn cjk_Latn ckb_Arab crh_Latn cym_Latn dan_Latn deu_Latn
dik_Latn dyu_Latn dzo_Tibt ell_Grek eng_Latn epo_Latn est_Latn eus_Latn ewe_Latn fao_Latn fij_Latn
fin_Latn fon_Latn fra_Latn fur_Latn fuv_Latn gaz_Latn gla_Latn gle_Latn glg_Latn grn_Latn guj_Gujr
hat_Latn hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn
isl_Latn ita_Latn jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda kas_Arab kas_Deva kat_Geor
kaz_Cyrl kbp_Latn kea_Latn khk_Cyrl khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn kmr_Latn knc_Latn
knc_Arab kon_Latn kor_Hang lao_Laoo lij_Latn lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn ltz_Latn
lua_Latn lug_Latn luo_Latn lus_Latn lvs_Latn mag_Deva mai_Deva mal_Mlym mar_Deva min_Latn min_Arab
mkd_Cyrl mlt_Latn mni_Beng mos_Latn mri_Latn mya_Mymr nld_Latn nno_Latn nob_Latn npi_Deva nso_Latn
nus_Latn nya_Latn oci_Latn ory_Orya pag_Latn pan_Guru pap_Latn pbt_Arab pes_Arab plt_Latn pol_Latn
por_Latn prs_Arab quy_Latn ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Beng scn_Latn shn_Mymr
sin_Sinh slk_Latn slv_Latn smo_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srd_Latn srp_Cyrl
ssw_Latn sun_Latn swe_Latn swh_Latn szl_Latn tam_Taml taq_Latn taq_Tfng tat_Cyrl tel_Telu tgk_Cyrl
tgl_Latn tha_Thai tir_Ethi tpi_Latn tsn_Latn tso_Latn tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng
uig_Arab ukr_Cyrl umb_Latn urd_Arab uzn_Latn vec_Latn vie_Latn war_Latn wol_Latn xho_Latn ydd_Hebr
yor_Latn yue_Hant zho_Hans zho_Hant zsm_Latn zul_Latn
"""
# FLORES names the standard variety of what ISO 639 calls a group of languages.
_VARIETIES: Final = """
ara arb, aym ayr, aze azj, fas pes, fil tgl, ful fuv, kau knc, kur kmr, lav lvs, mlg plt, mon khk,
msa zsm, nep npi, nor nob, ori ory, orm gaz, pus pbt, que quy, sqi als, swa swh, uzb uzn, yid ydd
"""
_TRADITIONAL_CHINESE: Final = ("TW", "HK", "MO")


def flores_codes(tag: str) -> List[str]:
    """The codes for a tag such as es, pt-BR, zh-Hant or ar, the likeliest first; none if unmapped.

    A tag with a script gets that script or nothing.
    """
    language = terminologic(tag) or ""
    scripts = _SCRIPTS.get(_STANDARD.get(language, language), [])
    subtags = tag.replace("_", "-").split("-")[1:]
    if language == "zho" and not _script(subtags) and set(subtags) & set(_TRADITIONAL_CHINESE):
        subtags = ["Hant"]
    script = _script(subtags)
    return [code for code in scripts if not script or code.endswith(script)]


def _script(subtags: List[str]) -> str:
    found = [
        subtag.title() for subtag in subtags if len(subtag) == len("Latn") and subtag.isalpha()
    ]
    return f"_{found[0]}" if found else ""


def _by_language() -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for code in _CODES.split():
        found.setdefault(code.split("_")[0], []).append(code)
    return found


_STANDARD: Final = dict(pair.split() for pair in _VARIETIES.split(","))
_SCRIPTS: Final = _by_language()
