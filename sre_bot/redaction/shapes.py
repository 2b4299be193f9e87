"""Tokens that give themselves away by their shape, mostly by their vendor's prefix."""

from __future__ import annotations

from sre_bot.redaction.pattern import STOP, rule

# PEM: also cut short, inside JSON (``\n``), and with the plus or minus of a diff before each line.
_PEM = (
    r"-----BEGIN[ A-Z0-9]*PRIVATE KEY[ A-Z]*-----(?:-----END[ A-Z0-9]*PRIVATE KEY[ A-Z]*-----|[\s+-]|\\[nr]"
    r"|[A-Z][A-Za-z-]+: [^\s\\]+|[A-Za-z0-9+/=]{24,}|[A-Za-z0-9+/=]{1,23}(?:\s|\\[nr])+[-+\s]*-----END)*[ A-Z0-9]*"
)
_PRIVATE_KEY = (
    _PEM,
    # the same in base64, as in a Kubernetes secret
    r"LS0tLS1CRUdJTi(?:BQUklWQVRF|BSU0EgUFJJVkFURS|BFQyBQUklWQVRF|BPUEVOU1NI|BFTkNSWVBURU)[A-Za-z0-9+/=]*",
    r"AGE-SECRET-KEY-1[A-Z0-9]{20,}",
)
_PASSWORD_HASH = (
    r"\$2[abxy]?\$\d\d\$[A-Za-z0-9./]{53}",
    r"\$(?:apr1|1|5|6|y)\$(?:[A-Za-z0-9./=]{1,40}\$){1,2}[A-Za-z0-9./]{22,}",
    r"\$(?:argon2i?d?|scrypt|pbkdf2[a-z0-9-]*)\$[A-Za-z0-9./+=$,_-]{20,}",
)
_WEBHOOK = (
    r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/(?:[A-Z0-9]+/){0,3}[^" + STOP + r"/]+(?:/\w+)*",
    r"discord(?:app)?\.com/api/webhooks/[0-9]+/[A-Za-z0-9_-]+",
    r"webhook\.office\.com/webhookb2/[^\s\"'<>]+",
    r"hooks\.zapier\.com/hooks/catch/[A-Za-z0-9/]+",
)
_API_TOKEN = (
    # payment
    r"\b(?:[sr]k|whsec|pk)_(?:live|test|prod)_[A-Za-z0-9]{10,}",
    r"\bwhsec_[A-Za-z0-9+/=]{16,}",
    r"\bsq0[a-z]{3}-[A-Za-z0-9_-]{20,}",
    r"\bEZ[AT]K[A-Za-z0-9]{50,}",
    r"\bd(?:elin|uffel)_(?:live|test)_[A-Za-z0-9_=-]{40,}",
    # models
    r"\bsk-(?:proj|svcacct|admin|or|lf)-[A-Za-z0-9_-]{16,}",
    r"\bsk-[A-Za-z0-9]{20,}",
    r"\bhf_[A-Za-z0-9]{24,}",
    r"\bgsk_[A-Za-z0-9]{40,}",
    r"\bxai-[A-Za-z0-9]{40,}",
    r"\bpplx-[A-Za-z0-9]{40,}",
    # clouds and hosting
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\bGOCSPX-[A-Za-z0-9_-]{20,}",
    r"\bya29\.[A-Za-z0-9_.-]{20,}",
    r"\b1//0[A-Za-z0-9_-]{30,}",
    r"\bLTAI[A-Za-z0-9]{16,20}\b",
    r"\b[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
    r"\bdo[opr]_v1_[a-f0-9]{32,}",
    r"\bv1\.0-[a-f0-9]{24}-[a-f0-9]{100,}",
    r"\bHRKU-[A-Za-z0-9_-]{30,}",
    r"\bFlyV1 [A-Za-z0-9+/=_,]{40,}",
    r"\bfo1_[A-Za-z0-9_-]{40,}",
    r"\bnfp_[A-Za-z0-9]{30,}",
    r"\bvc[pka]_[A-Za-z0-9]{24,}",
    r"\bsb[pv]_[a-f0-9]{32,}",
    r"\bpscale_[a-z]+_[A-Za-z0-9_.=-]{30,}",
    r"\btskey-[a-z]+-[A-Za-z0-9-]{16,}",
    r"\bsha256~[A-Za-z0-9_-]{40,}",
    # operations
    r"\bgl(?:sa|c)_[A-Za-z0-9+/=_]{20,}",
    r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}",
    r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}",
    r"\bsntry[us]_[A-Za-z0-9+/=_]{30,}",
    r"\bNR(?:AK|JS|II|RA)-[A-Za-z0-9]{19,}",
    r"\bdt0[a-z]\d\d\.[A-Z0-9]{20,}\.[A-Z0-9]{40,}",
    r"\b(?:pul|sgp)[-_][a-f0-9_]{40,}",
    r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{20,}",
    r"\bA3-[A-Z0-9]{6}-[A-Z0-9-]{20,}",
    r"\bops_eyJ[A-Za-z0-9+/=]{50,}",
    # code and packages
    r"\bnpm_[A-Za-z0-9]{30,}",
    r"\bpypi-[A-Za-z0-9_-]{40,}",
    r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}",
    r"\brubygems_[a-f0-9]{40,}",
    r"\bCLOJARS_[A-Za-z0-9]{50,}",
    r"\bAKCp[A-Za-z0-9]{40,}",
    r"\bcmVmd[A-Za-z0-9]{55,}",
    r"\bCCIPAT_[A-Za-z0-9_]{30,}",
    r"\bbkua_[a-f0-9]{40}",
    # the rest of a company
    r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"\bkey-[a-f0-9]{32}\b",
    r"\bxkeysib-[a-f0-9-]{60,}",
    r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}",
    r"\bsh(?:pat|pss|pca|ppa)_[a-fA-F0-9]{24,}",
    r"\bdapi[a-f0-9]{32}\b",
    r"\b(?:lin_api|ntn|rdme|ubi_api)_[A-Za-z0-9]{32,}",
    r"\bsecret_[A-Za-z0-9]{43}\b",
    r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{20,}",
    r"\bAT(?:ATT|CTT)3[A-Za-z0-9_=-]{40,}",
    r"\bpat[A-Za-z0-9]{14}\.[a-f0-9]{64}",
    r"\bEAA[A-Za-z0-9]{60,}",
    r"\bfio-u-[A-Za-z0-9_=-]{50,}",
)
_SHAPES = {
    "private_key": _PRIVATE_KEY,
    "password_hash": _PASSWORD_HASH,
    "webhook": _WEBHOOK,
    "jwt": (r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}", r"\beyJrIjoi[A-Za-z0-9+/=_-]{20,}"),
    "aws_key": (r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", r"\bABSK[A-Za-z0-9+/=]{40,}"),
    "github_token": (r"\bgh[pousr]_[A-Za-z0-9_]{16,}", r"\bgithub_pat_[A-Za-z0-9_]{20,}"),
    "gitlab_token": (
        r"\bgl(?:pat|ptt|dt|rt|rtr|cbt|ft|imt|agent|soat|ffct)-[A-Za-z0-9_.=-]{16,}",
        r"\bGR1348941[A-Za-z0-9_-]{16,}",
    ),
    "slack_token": (r"\bxox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}", r"\bxapp-[0-9]-[A-Za-z0-9-]{8,}"),
    "anthropic_key": (r"\bsk-ant-[A-Za-z0-9_-]{16,}",),
    "api_token": _API_TOKEN,
}

SHAPE = rule("|".join(f"(?P<{kind}>{'|'.join(patterns)})" for kind, patterns in _SHAPES.items()))
"""All shapes as one pattern; the name of the group that matched is the kind, with underscores."""
