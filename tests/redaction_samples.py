"""Texts with secrets and texts without, drawn from seeded templates: hosts refuse commits that hold such strings.

The templates were written without a look at what the redactor knows. ``forms`` are secrets of any look in the notations
of configuration, code, shells and logs; ``families`` are tokens of vendors, bare or after the name they usually have;
``kept`` are identifiers on which an investigation lives; ``log_lines`` are ordinary.
"""

from __future__ import annotations

import base64
import html
import json
import random
import re
import string
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

ALNUM = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
BASE64 = ALNUM + "+/"
URLSAFE = ALNUM + "-_"


@dataclass(frozen=True, slots=True)
class Sample:
    """A text and the secret in it."""

    kind: str
    text: str
    secret: str


class Dice:
    """Draws what templates ask for; the same in every run."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - test data

    def of(self, alphabet: str, length: int) -> str:
        """Characters, with a digit and a letter among them where the alphabet has both."""
        drawn = [self.random.choice(alphabet) for _ in range(length)]
        if alphabet != string.digits and length > 3:
            places = self.random.sample(range(length), 2)
            drawn[places[0]] = self.random.choice("23456789" if "2" in alphabet else alphabet)
            drawn[places[1]] = self.random.choice([one for one in alphabet if one.isalpha()])
        return "".join(drawn)

    def filled(self, template: str) -> str:
        """``{a40}`` is 40 of a-zA-Z0-9; l and u have one case only, h is hex, b base64, s URL-safe, d digits."""
        alphabets = {"a": ALNUM, "l": LOWER, "u": UPPER, "h": HEX, "b": BASE64, "s": URLSAFE, "d": string.digits}
        out, rest = "", template
        while "{" in rest:
            before, _, rest = rest.partition("{")
            what, _, rest = rest.partition("}")
            out += before + self.of(alphabets[what[0]], int(what[1:]))
        return out + rest

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))


def jwt(dice: Dice) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps({"sub": dice.of(LOWER, 8)}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{dice.of(URLSAFE, 86)}"


def values(dice: Dice) -> dict[str, str]:
    """Secrets by how they look: people's, generators' and vendors'."""
    words = ("amber", "walrus", "copper", "meadow", "violet", "anchor", "summer", "tiger", "monday", "planet")
    pick = dice.random.choice
    return {
        "words": f"{pick(words)}-{pick(words)}-{dice.of(string.digits, 3)}",
        "word-and-year": f"{pick(words).title()}20{dice.of(string.digits, 2)}!",
        "leet": f"P@ss{pick(words)}{dice.of(string.digits, 2)}",
        "mixed": dice.of(ALNUM, 12) + pick("!#%^*") + dice.of(ALNUM, 4),
        "alphanumeric": dice.of(ALNUM, 20),
        "hex": dice.of(HEX, 40),
        "uuid": dice.uuid(),
        "base64": dice.of(BASE64, 43) + "=",
        "urlsafe": dice.of(URLSAFE, 32).strip("-_") + "7x",
        "jwt": jwt(dice),
    }


NOTATIONS = {
    # configuration
    "yaml": "db:\n  host: db\n  password: {v}\n  port: 5432",
    "yaml-quoted": "spring:\n  datasource:\n    password: '{v}'",
    "yaml-block": "auth:\n  client_secret: |\n    {v}\n  issuer: https://id",
    "yaml-folded": "auth:\n  token: >-\n    {v}\n  issuer: https://id",
    "yaml-flow": "redis: {host: cache, password: {v}, db: 0}",
    "yaml-tag": "password: !!str {v}",
    "yaml-list": "  - password: {v}\n    user: app",
    "toml": '[registries.internal]\ntoken = "{v}"',
    "toml-inline": 'auth = { user = "ci", password = "{v}" }',
    "ini": "[client]\nuser=root\npassword={v}\n",
    "ini-spaced": "[smtp]\nsmtp_password = {v}",
    "env-file": "export STRIPE_SECRET_KEY='{v}'",
    "env-lower": "db_pass={v}",
    "env-prefix": "SPRING_DATASOURCE_PASSWORD={v}",
    "properties": "spring.rabbitmq.password={v}",
    "properties-colon": "sasl.password: {v}",
    "jaas": 'sasl.jaas.config=org.apache.kafka.Plain required username="app" password="{v}";',
    "json": '{"host": "db", "dbPassword": "{v}", "port": 5432}',
    "json-pretty": '{\n  "auth": {\n    "clientSecret": "{v}"\n  }\n}',
    "json-twice": json.dumps({"log": json.dumps({"level": "error", "body": json.dumps({"access_token": "{v}"})})}),
    "json-list-pair": '{"name":"SLACK_SIGNING_SECRET","value":"{v}"}',
    "json-key-value": '[{"Key": "DbPassword", "Value": "{v}"}]',
    "hcl": 'resource "aws_db_instance" "x" {\n  master_password = "{v}"\n}',
    "hcl-variable": 'variable "db_password" {\n  type    = string\n  default = "{v}"\n}',
    "hcl-plan": '      + admin_password               = "{v}"',
    "hcl-diff": '      ~ auth_token = "{v}" -> (known after apply)',
    "tfvars-heredoc": "api_key = <<EOT\n{v}\nEOT",
    "xml-element": "<connection><dbPassword>{v}</dbPassword></connection>",
    "xml-multiline": "<password>\n    {v}\n  </password>",
    "xml-attribute": '<user name="app" password="{v}" roles="admin"/>',
    "xml-property": '<property name="hibernate.connection.password" value="{v}"/>',
    "xml-property-element": '<property name="connection.password">{v}</property>',
    "xml-cdata": "<password><![CDATA[{v}]]></password>",
    "maven": "<server><id>nexus</id><username>ci</username><password>{v}</password></server>",
    "helm-set": "helm upgrade x ./x --set postgresql.auth.postgresPassword={v} --wait",
    "helm-set-string": "helm upgrade x ./x --set-string 'auth.password={v}'",
    "k8s-env": "        - name: REDIS_PASSWORD\n          value: '{v}'",
    "k8s-env-json": '"env":[{"name":"API_TOKEN","value":"{v}"},{"name":"A","value":"b"}]',
    "k8s-string-data": "kind: Secret\nstringData:\n  admin-password: {v}",
    "kubectl-literal": "kubectl create secret generic x --from-literal=password={v}",
    "kubectl-set-env": "kubectl set env deploy/x DB_PASSWORD={v}",
    "docker-env": "docker run --env POSTGRES_PASSWORD={v} postgres:16",
    "compose": "    environment:\n      - POSTGRES_PASSWORD={v}\n      - A=b",
    "compose-map": "    environment:\n      MINIO_ROOT_PASSWORD: {v}",
    "dockerfile": "ARG NPM_TOKEN={v}",
    "dockerfile-old": "ENV DB_PASSWORD {v}",
    "ansible": "ansible_become_password: '{v}'",
    "ansible-extra": 'ansible-playbook x.yml -e "db_password={v}"',
    "systemd": 'Environment="API_SECRET={v}"',
    "nginx": "proxy_set_header X-Api-Key {v};",
    "apache": "SetEnv DB_PASSWORD {v}",
    "haproxy": "    user admin insecure-password {v}",
    "redis-conf": 'requirepass "{v}"',
    "redis-acl": "ACL SETUSER app on >{v} ~* +@all",
    "redis-auth": "redis-cli> AUTH default {v}",
    "pgpass": "db.internal:5432:orders:app:{v}",
    "netrc": "machine git.internal\n  login ci\n  password {v}",
    "npmrc": "//npm.internal/:_authToken={v}",
    "npmrc-password": "//npm.internal/:_password={v}",
    "pip": "extra-index-url = https://ci:{v}@pypi.internal/simple",
    "git-credentials": "https://ci:{v}@git.internal",
    "docker-config": '{"auths":{"r.internal":{"auth":"{v}"}}}',
    "aws-credentials": "[default]\naws_access_key_id = AKIA\naws_secret_access_key = {v}",
    "boto": "aws_session_token={v}",
    "prometheus": "    basic_auth:\n      username: prom\n      password: {v}",
    "prometheus-bearer": "    authorization:\n      type: Bearer\n      credentials: {v}",
    "bearer-token": "    bearer_token: {v}",
    "alertmanager": "  smtp_auth_password: {v}",
    "pagerduty": "  - routing_key: {v}",
    "pagerduty-service": "  - service_key: '{v}'",
    "opsgenie": "opsgenie_api_key: {v}",
    "grafana": "[security]\nadmin_password = {v}\nsecret_key = x",
    "gitlab-ci": "variables:\n  DEPLOY_TOKEN: {v}",
    "otel": "OTEL_EXPORTER_OTLP_HEADERS=api-key={v}",
    "ldap": "bind_dn: cn=app\nbind_password: {v}",
    "sssd": "ldap_default_authtok = {v}",
    "snmp": "snmp_community_secret: {v}",
    "wireguard": "PrivateKey = {v}",
    "xml-value": '<DbPassword value="{v}" />',
    "helm-default": '{{ .password | default("{v}") }}',
    "python-auth": 'requests.get(url, auth=("app", "{v}"))',
    "js-auth": "request(app).auth('app', '{v}')",
    "cisco": "username admin password 0 {v}",
    "pop3": "USER app PASS {v}",
    "said-use": "use token {v} for now",
    "wpa": 'psk="{v}"\npassword="{v}"',
    # code and dumps
    "python-call": "psycopg.connect(host='db', user='app', password='{v}')",
    "python-dict": "{'user': 'app', 'password': '{v}', 'port': 1}",
    "python-repr": "Config(user='app', api_secret='{v}', retries=3)",
    "python-bytes": "{b'password': b'{v}'}",
    "python-fstring": 'client_secret: str = "{v}"',
    "python-typed": 'API_KEY: Final[str] = "{v}"',
    "python-getenv": 'os.environ.get("API_TOKEN", "{v}")',
    "python-environ": "os.environ['DB_PASSWORD'] = '{v}'",
    "java": 'private static final String DB_PASSWORD = "{v}";',
    "java-setter": 'config.setPassword("{v}");',
    "java-put": 'props.put("ssl.keystore.password", "{v}");',
    "java-system": "java -Djavax.net.ssl.keyStorePassword={v} -jar app.jar",
    "java-tostring": "HikariConfig{username=app, password={v}, poolSize=10}",
    "java-record": "Credentials[user=app, secret={v}]",
    "kotlin": 'val apiToken: String = "{v}"',
    "scala": 'val dbPassword = "{v}"',
    "go-short": 'apiToken := "{v}"',
    "go-typed": 'var clientSecret string = "{v}"',
    "go-backtick": "const accessToken = `{v}`",
    "go-struct": "{Host:db User:app Password:{v} SSL:true}",
    "go-struct-named": 'config.DB{Host:"db", Password:"{v}", Port:5432}',
    "go-map": "map[password:{v} user:app]",
    "go-setenv": 'os.Setenv("DB_PASSWORD", "{v}")',
    "csharp": 'public string ApiSecret = "{v}";',
    "rust": 'let api_token: &str = "{v}";',
    "rust-debug": 'DbConfig { user: "app", password: "{v}", port: 5432 }',
    "rust-some": 'Config { token: Some("{v}"), n: 1 }',
    "ruby-hash": '{:user=>"app", :password=>"{v}"}',
    "ruby-new-hash": 'password: "{v}", user: "app"',
    "php": "$dbPassword = '{v}';",
    "php-array": "'password' => '{v}',",
    "php-define": "define('DB_PASSWORD', '{v}');",
    "php-dump": '  ["password"]=>\n  string(20) "{v}"',
    "php-print-r": "    [password] => {v}",
    "js": "const clientSecret = '{v}'",
    "js-object": "{ user: 'app', password: '{v}' }",
    "js-env": "process.env.API_TOKEN = '{v}'",
    "js-or": "const token = process.env.TOKEN || '{v}'",
    "elixir": '%{password: "{v}", user: "app"}',
    "powershell": '$env:DB_PASSWORD = "{v}"',
    "powershell-secure": 'ConvertTo-SecureString "{v}" -AsPlainText -Force',
    "cmd": "set API_TOKEN={v}",
    "fish": "set -x API_TOKEN {v}",
    "makefile": "DEPLOY_TOKEN ?= {v}",
    # the command line
    "flag": "app --db-password {v} --port 80",
    "flag-equals": "app --api-token={v} --port 80",
    "flag-quoted": "app --client-secret '{v}'",
    "flag-dash": "app -password={v}",
    "flag-argv-json": '["app","--password","{v}","--port","80"]',
    "flag-argv-python": "['app', '--token', '{v}']",
    "curl-user": "curl -sS -u 'ci:{v}' https://x",
    "curl-header": "curl -H 'X-Auth-Token: {v}' https://x",
    "curl-data": "curl -d 'grant_type=password&password={v}' https://id/token",
    "curl-json": """curl -d '{"password":"{v}"}' https://id""",
    "mysql": "mysql -uroot -p{v} orders",
    "mysqldump": "mysqldump --password={v} orders",
    "pgpassword": "PGPASSWORD={v} psql -h db",
    "docker-login": "docker login -u ci -p {v} r.internal",
    "vault-login": "vault login {v}",
    "vault-write": "vault kv put secret/x password={v}",
    "htpasswd": "htpasswd -b users app {v}",
    "openssl": "openssl enc -k {v} -in a",
    "zip": "7z x a.7z -p{v}",
    "net-use": "net use z: \\\\srv\\x /user:app {v}",
    "smbclient": "smbclient //srv/x -U 'app%{v}'",
    "az-login": "az login --service-principal -u x -p {v} --tenant y",
    "chpasswd": "echo 'root:{v}' | chpasswd",
    # headers and addresses
    "header-bearer": "Authorization: Bearer {v}",
    "header-basic": "authorization: Basic {v}",
    "header-token": "Authorization: Token token={v}",
    "header-bare": "Authorization: {v}",
    "header-proxy": "Proxy-Authorization: Basic {v}",
    "header-python": "headers={'Authorization': 'Bearer {v}', 'Accept': '*/*'}",
    "header-go": "map[Accept:[*/*] Authorization:[Bearer {v}]]",
    "header-envoy": "':authority', 'x'\n'authorization', 'Bearer {v}'",
    "header-api-key": "x-api-key: {v}",
    "header-auth-token": "X-Auth-Token: {v}",
    "header-gitlab": "PRIVATE-TOKEN: {v}",
    "header-csrf": "X-CSRF-Token: {v}",
    "header-amz": "X-Amz-Security-Token: {v}",
    "header-curl-v": "> X-Vault-Token: {v}",
    "header-json-list": '"headers":{"x-api-key":["{v}"]}',
    "header-pair-list": '[["x-api-key","{v}"]]',
    "header-tuple": "('X-Api-Key', '{v}')",
    "cookie": "Cookie: theme=dark; JSESSIONID={v}",
    "cookie-json": '"cookie":"sessionid={v}; a=b"',
    "set-cookie": "set-cookie: connect.sid={v}; Path=/; HttpOnly",
    "url-password": "dial postgresql://app:{v}@db:5432/orders",
    "url-amqp": "amqps://svc:{v}@mq:5671/%2f",
    "url-mongo": "mongodb+srv://svc:{v}@c0.mongodb.net/?w=majority",
    "url-redis": "rediss://default:{v}@cache:6380/0",
    "url-mysql-driver": "app:{v}@tcp(db:3306)/orders?parseTime=true",
    "url-ftp": "ftp://anon:{v}@files/",
    "url-sqlalchemy": "Engine(mysql+pymysql://app:{v}@db/orders)",
    "url-token-user": "git clone https://oauth2:{v}@gitlab.internal/x.git",
    "url-query": "GET /cb?state=1&client_secret={v}&x=1 HTTP/1.1",
    "url-query-api-key": "https://api.x/v1?apikey={v}",
    "url-query-encoded": "redirect=https%3A%2F%2Fx%2F%3Faccess_token%3D{v}%26a%3D1",
    "url-fragment": "https://app/cb#access_token={v}&token_type=bearer",
    "url-sas": "https://x.blob.core.windows.net/c?sv=2024&sig={v}&se=2027",
    "form": "grant_type=refresh_token&refresh_token={v}&client_id=x",
    "jdbc": "jdbc:postgresql://db/x?user=app&password={v}",
    "jdbc-sqlserver": "jdbc:sqlserver://db:1433;databaseName=x;user=sa;password={v};encrypt=true",
    "jdbc-oracle": "jdbc:oracle:thin:app/{v}@db:1521/x",
    "ado": "Data Source=db;Initial Catalog=x;User ID=sa;Pwd={v};",
    "odbc": "Driver={ODBC};Server=db;UID=sa;PWD={v}",
    "azure-storage": "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={v};EndpointSuffix=y",
    "azure-bus": "Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey={v}",
    "libpq": "host=db dbname=x user=app password='{v}' sslmode=require",
    # SQL
    "sql-create": "CREATE USER app WITH PASSWORD '{v}'",
    "sql-encrypted": "ALTER ROLE app ENCRYPTED PASSWORD '{v}';",
    "sql-mysql": "ALTER USER 'app'@'%' IDENTIFIED BY '{v}';",
    "sql-mysql-native": "IDENTIFIED WITH mysql_native_password BY '{v}'",
    "sql-server": "CREATE LOGIN app WITH PASSWORD = N'{v}'",
    "sql-set": "SET PASSWORD FOR app = PASSWORD('{v}')",
    "sql-update": "UPDATE users SET password='{v}' WHERE id=7",
    "sql-where": "SELECT * FROM sessions WHERE access_token = '{v}'",
    # logs and prose
    "logfmt": 'level=warn msg="refresh failed" refresh_token={v} status=401',
    "logfmt-quoted": 'level=warn msg="x" client_secret="{v}" n=1',
    "zap": 'warn\tauth failed\t{"user": "app", "password": "{v}"}',
    "serilog": 'Login {"User":"app","Password":"{v}"}',
    "slog": 'time=x level=INFO msg=login user=app password="{v}"',
    "spring-log": "o.s.Config : Using generated security password: {v}",
    "grok": "login user=[app] password=[{v}]",
    "pipe": "user: app | password: {v} | host: db",
    "arrow": "password -> {v}",
    "tab": "db_password\t{v}",
    "said": "the password for app is {v}",
    "said-colon": "root password: {v}",
    "said-quoted": "my api key is '{v}', please use it",
    "said-changed": "the token was changed to {v}",
    "said-with": "I logged in with password {v} and it worked",
    "said-credentials": "creds: app / {v}",
    "german": "Das Passwort lautet: {v}",
    "german-config": "datenbank_passwort={v}",
    "french": "mot_de_passe={v}",
    "spanish": "contraseña: {v}",
    "spanish-config": "clave_secreta={v}",
    "portuguese": "senha={v}",
    "italian": "parola_chiave={v}",
    "russian": "пароль: {v}",
    "chinese": "密码：{v}",
    "japanese": "パスワード: {v}",
    "diff": "-  db_password: {v}\n+  db_password: ${DB_PASSWORD}",
    "csv": "user,password\napp,{v}",
    "table": "| password | {v} |",
    "ansi": "\x1b[33mpassword\x1b[0m=\x1b[36m{v}\x1b[0m",
    "html": "&quot;password&quot;:&quot;{v}&quot;",
    "unicode-escaped": "\\u0022password\\u0022:\\u0022{v}\\u0022",
    "escaped-newline": "user=app\\npassword={v}\\nhost=db",
}
"""``{v}`` is the secret."""

ONLY_OPAQUE = frozenset(
    [
        "header-bare",
        "aws-credentials",
        "docker-config",
        "wireguard",
        "url-sas",
        "cookie",
        "cookie-json",
        "set-cookie",
        "header-csrf",
        "prometheus-bearer",
        "said-credentials",
        "url-query-encoded",
        "tab",
    ]
)
"""Notations in which nobody writes words: only what a generator makes stands there."""
_WORDY = frozenset(["words", "word-and-year", "leet", "mixed"])


def forms(seed: int, rounds: int = 1) -> Iterator[Sample]:
    """Every look in every notation."""
    for number in range(rounds):
        dice = Dice(seed + number)
        for kind, notation in NOTATIONS.items():
            for look, value in values(dice).items():
                if kind in ONLY_OPAQUE and look in _WORDY:
                    continue
                if ("url" in kind or kind in {"pip", "git-credentials"}) and any(c in value for c in "/#%?@"):
                    continue  # is percent-encoded there, and tested as such
                yield Sample(f"{kind}|{look}", notation.replace("{v}", value), value)


BARE = {
    # vendors whose tokens are known wherever they stand
    "aws": "AKIA{u16} ASIA{u16}",
    "gcp-api-key": "AIza{s35}",
    "gcp-oauth": "ya29.{s60}",
    "gcp-secret": "GOCSPX-{s28}",
    "azure-ad": "{a3}8Q~{s34}",
    "github": "ghp_{a36} gho_{a36} ghs_{a36} ghu_{a36} ghr_{a36} github_pat_{a22}_{a59}",
    "gitlab": "glpat-{s20} gldt-{s20} glrt-{s20} glcbt-1a_{s20} glptt-{h40} glsoat-{s20} GR1348941{s20}",
    "bitbucket": "ATBB{a32} ATCTT3xFfGN0{s40} BBDC-{a44}",
    "atlassian": "ATATT3xFfGF0{s60}={h8}",
    "slack": "xoxb-{d11}-{d11}-{a24} xoxp-{d11}-{d11}-{d11}-{h32} xapp-1-A{u10}-{d12}-{h64} xoxe.xoxp-1-{a40}",
    "slack-webhook": "https://hooks.slack.com/services/T{u8}/B{u8}/{a24}",
    "discord-webhook": "https://discord.com/api/webhooks/{d18}/{s68}",
    "teams-webhook": "https://x.webhook.office.com/webhookb2/{h8}@{h8}/IncomingWebhook/{h32}/{h8}",
    "discord-bot": "MTAxMjM0NTY3ODkwMTIzNDU2.{a6}.{s38}",
    "telegram": "{d10}:AA{s33}",
    "stripe": "sk_live_{a24} rk_live_{a99} sk_test_{a24} whsec_{a32}",
    "square": "sq0atp-{s22} sq0csp-{s43} EAAA{s60}",
    "paypal": "access_token$production${l16}${h32}",
    "twilio": "SK{h32}",
    "sendgrid": "SG.{s22}.{s43}",
    "mailgun": "key-{h32}",
    "mailchimp": "{h32}-us12",
    "sendinblue": "xkeysib-{h64}-{a16}",
    "npm": "npm_{a36}",
    "pypi": "pypi-AgEIcHlwaS5vcmc{s80}",
    "rubygems": "rubygems_{h48}",
    "nuget": "oy2{l43}",
    "docker": "dckr_pat_{s27} dckr_oat_{s32}",
    "docker-swarm": "SWMTKN-1-{l50}-{l25} SWMKEY-1-{a43}",
    "jfrog": "AKCp{a69}",
    "artifactory-ref": "cmVmdGtuO{a55}",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi{s30}.{s43}",
    "paseto": "v2.local.{s80} v4.public.{s90}",
    "heroku": "HRKU-AA{s58}",
    "digitalocean": "dop_v1_{h64} doo_v1_{h64} dor_v1_{h64}",
    "fly": "fo1_{s43}",
    "netlify": "nfp_{a36}",
    "vercel": "vcp_{a32}",
    "cloudflare": "cfut_{a40}{h8} v1.0-{h24}-{h146}",
    "databricks": "dapi{h32}",
    "grafana": "glc_{b50} glsa_{a32}_{h8} eyJrIjoi{a70}",
    "newrelic": "NRAK-{u27} NRJS-{h19} NRII-{s32}",
    "datadog": "ddapi_{a32} pub{h32}",
    "dynatrace": "dt0c01.{u24}.{u64}",
    "sentry": "sntrys_eyJ{b80} sntryu_{h64}",
    "posthog": "phc_{a43} phx_{a43}",
    "honeycomb": "hcaik_{l58} hcalk_{l58}",
    "vault": "hvs.{s24} hvb.{s140}",
    "terraform": "{a14}.atlasv1.{s67}",
    "pulumi": "pul-{h40}",
    "doppler": "dp.pt.{a43}",
    "infracost": "ico-{a32}",
    "tailscale": "tskey-auth-k{a11}-{a32}",
    "openshift": "sha256~{s43}",
    "openai": "sk-proj-{s74}T3BlbkFJ{s74} sk-{a20}T3BlbkFJ{a20} sk-svcacct-{s60}",
    "anthropic": "sk-ant-api03-{s93}AA sk-ant-admin01-{s93}AA",
    "huggingface": "hf_{a34} api_org_{a34}",
    "groq": "gsk_{a52}",
    "replicate": "r8_{a37}",
    "perplexity": "pplx-{a48}",
    "langsmith": "lsv2_pt_{h32}_{h10} lsv2_sk_{h32}_{h10}",
    "notion": "ntn_{a46} secret_{a43}",
    "linear": "lin_api_{a40}",
    "figma": "figd_{s40}",
    "airtable": "pat{a14}.{h64}",
    "shopify": "shpat_{h32} shpss_{h32}",
    "easypost": "EZAK{a54}",
    "planetscale": "pscale_tkn_{s43} pscale_pw_{s43}",
    "supabase": "sbp_{h40} sb_secret_{s31}",
    "contentful": "CFPAT-{s43}",
    "typeform": "tfp_{s44}_{s14}",
    "postman": "PMAK-{h24}-{h34}",
    "sonar": "sqp_{h40} squ_{h40} sqa_{h40}",
    "snyk-like": "snyk_uat.{h8}.{s60}",
    "buildkite": "bkua_{h40}",
    "circleci": "CCIPAT_{a22}_{h40}",
    "prefect": "pnu_{l36}",
    "readme": "rdme_{l70}",
    "frameio": "fio-u-{s64}",
    "duffel": "duffel_live_{s43}",
    "facebook": "EAA{a120}",
    "dropbox": "sl.u.{s130}",
    "adobe": "p8e-{l32}",
    "alibaba": "LTAI{a20}",
    "yandex": "y0_{s55} AQVN{s36}",
    "age": "AGE-SECRET-KEY-1{u58}",
    "onepassword": "ops_eyJ{b250} A3-{u6}-{u11}-{u5}-{u5}-{u5}",
    "azure-devops": "{a76}AZDO{a4}",
    "azure-storage": "{b76}+ASt{b5}Q== {b33}+ASbC{b5}=",
    "private-key": "-----BEGIN RSA PRIVATE KEY-----\n{b64}\n{b64}\n{b30}=\n-----END RSA PRIVATE KEY-----",
    "private-key-openssh": "-----BEGIN OPENSSH PRIVATE KEY-----\n{b70}\n{b40}\n-----END OPENSSH PRIVATE KEY-----",
    "private-key-pgp": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{b64}\n={b4}\n-----END PGP PRIVATE KEY BLOCK-----",
    "putty-key": "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{b60}\nPrivate-MAC: {h64}",
    "bcrypt": "$2y$10${a53}",
    "shadow": "root:$6${a8}${a86}:19000:0:99999:7:::",
    "yescrypt": "$y$j9T${a22}${a43}",
    "apr1": "app:$apr1${a8}${a22}",
    "htpasswd-sha": "app:{SHA}{b27}=",
    "argon2": "$argon2id$v=19$m=65536,t=3,p=4${a22}${a43}",
    "scram": "SCRAM-SHA-256$4096:{b22}==${b43}=:{b43}=",
}
"""Templates after vendors' own descriptions, several apart by spaces; see ``Dice.filled``."""

NAMED = {
    # vendors whose tokens look like any other: the name they stand after tells
    "AWS_SECRET_ACCESS_KEY": "{b40}",
    "DD_API_KEY": "{h32}",
    "DATADOG_APP_KEY": "{h40}",
    "dd-api-key": "{h32}",
    "DD-APPLICATION-KEY": "{h40}",
    "PAGERDUTY_TOKEN": "u+{s18}",
    "pagerduty_integration_key": "{h32}",
    "PD_ROUTING_KEY": "{l32}",
    "HEROKU_API_KEY": "{h8}-{h4}-4{h3}-a{h3}-{h12}",
    "TWILIO_AUTH_TOKEN": "{h32}",
    "CLOUDFLARE_API_KEY": "{h37}",
    "cloudflareApiToken": "{s40}",
    "FASTLY_API_TOKEN": "{s32}",
    "NEW_RELIC_LICENSE_KEY": "{h36}NRAL",
    "newrelic_key": "{h36}NRAL",
    "SPLUNK_HEC_TOKEN": "{h8}-{h4}-4{h3}-a{h3}-{h12}",
    "LOGDNA_INGESTION_KEY": "{h32}",
    "SUMO_ACCESS_KEY": "{a64}",
    "ROLLBAR_ACCESS_TOKEN": "{h32}",
    "BUGSNAG_API_KEY": "{h32}",
    "HONEYCOMB_WRITEKEY": "{a22}",
    "LIGHTSTEP_ACCESS_TOKEN": "{b60}",
    "ELASTIC_API_KEY": "{b60}==",
    "ALGOLIA_ADMIN_KEY": "{h32}",
    "AZURE_CLIENT_SECRET": "{s34}",
    "AZURE_STORAGE_KEY": "{b86}==",
    "COSMOS_PRIMARY_KEY": "{b86}==",
    "ServiceBusConnectionKey": "{b43}=",
    "CONFLUENT_API_SECRET": "{b64}",
    "SNOWFLAKE_PASSWORD": "{a16}",
    "JIRA_API_TOKEN": "{a24}",
    "CONFLUENCE_PAT": "{b44}",
    "SNYK_TOKEN": "{h8}-{h4}-4{h3}-a{h3}-{h12}",
    "CODECOV_TOKEN": "{h8}-{h4}-4{h3}-a{h3}-{h12}",
    "COVERALLS_REPO_TOKEN": "{a32}",
    "SONAR_TOKEN": "{h40}",
    "TRAVIS_API_TOKEN": "{a22}",
    "DRONE_RPC_SECRET": "{h32}",
    "CONSUL_HTTP_TOKEN": "{h8}-{h4}-4{h3}-a{h3}-{h12}",
    "NOMAD_TOKEN": "{h8}-{h4}-4{h3}-a{h3}-{h12}",
    "VAULT_UNSEAL_KEY": "{b43}=",
    "LAUNCHDARKLY_SDK_KEY": "sdk-{h8}-{h4}-4{h3}-a{h3}-{h12}",
    "SEGMENT_WRITE_KEY": "{a32}",
    "MAPBOX_ACCESS_TOKEN": "pk.{a60}.{a22}",
    "OKTA_API_TOKEN": "00{s40}",
    "AUTH0_CLIENT_SECRET": "{s64}",
    "ZENDESK_SECRET_KEY": "{a40}",
    "INTERCOM_TOKEN": "{a58}=",
    "HUBSPOT_API_KEY": "{h8}-{h4}-4{h3}-a{h3}-{h12}",
    "DROPBOX_APP_SECRET": "{l15}",
    "FACEBOOK_APP_SECRET": "{h32}",
    "TWITTER_CONSUMER_SECRET": "{a50}",
    "LINKEDIN_CLIENT_SECRET": "{a16}",
    "TRELLO_API_KEY": "{h32}",
    "ASANA_CLIENT_SECRET": "{l32}",
    "FINNHUB_API_TOKEN": "{l20}",
    "POLYGON_API_KEY": "{a32}",
    "COINBASE_ACCESS_TOKEN": "{s64}",
    "KRAKEN_SECRET": "{b86}==",
    "PLAID_SECRET": "{l30}",
    "MESSAGEBIRD_API_KEY": "{l25}",
    "NYTIMES_API_KEY": "{s32}",
    "MISTRAL_API_KEY": "{a32}",
    "COHERE_API_KEY": "{a40}",
    "DEEPSEEK_API_KEY": "sk-{h32}",
    "PINECONE_API_KEY": "{h8}-{h4}-4{h3}-a{h3}-{h12}",
    "WANDB_API_KEY": "{h40}",
    "FLASK_SECRET_KEY": "{h48}",
    "DJANGO_SECRET_KEY": "{a50}",
    "SECRET_KEY_BASE": "{h128}",
    "JWT_SECRET": "{a32}",
    "NEXTAUTH_SECRET": "{b43}=",
    "LARAVEL_APP_KEY": "base64:{b43}=",
    "ENCRYPTION_KEY": "{h64}",
    "FERNET_KEY": "{s43}=",
    "SIGNING_KEY": "{h64}",
    "SESSION_SECRET": "{a32}",
    "COOKIE_SECRET": "{b24}",
    "WEBHOOK_SECRET": "{h40}",
    "RABBITMQ_ERLANG_COOKIE": "{u20}",
    "MINIO_SECRET_KEY": "{a40}",
    "S3_SECRET": "{b40}",
    "DEPLOY_KEY_PASSPHRASE": "{a18}",
    "kubeadm_token": "{l6}.{l16}",
    "k3s_token": "K10{h64}::server:{h32}",
    "client-key-data": "{b200}==",
}
NAMED_NOTATIONS = ("{n}={v}", '{n}: "{v}"', '"{n}": "{v}"', "{n} = '{v}'", "--{n} {v}", "export {n}={v}", "{n}: {v}")


def families(seed: int) -> Iterator[Sample]:
    """One token a template: bare ones in prose, quotes, JSON and after an escape; the others after their name."""
    dice = Dice(seed)
    carriers = ("got {v} from it", '"{v}"', "x={v}&y=1", "line one\\n{v}\\nline two", "({v})", "{v}")
    for kind, templates in BARE.items():
        for template in [templates] if " PRIVATE " in templates or "Private-" in templates else templates.split(" "):
            value = dice.filled(template.replace("{SHA}", "\0")).replace("\0", "{SHA}")
            carrier = dice.random.choice(carriers)
            yield Sample(kind, carrier.replace("{v}", value), _heart(value))
    for name, template in NAMED.items():
        value, notation = dice.filled(template), dice.random.choice(NAMED_NOTATIONS)
        yield Sample(name, notation.replace("{n}", name).replace("{v}", value), value)


def _heart(value: str) -> str:
    """What must not show of a token: its end, as an address may stay; of a key its longest line."""
    if "\n" in value:
        return max(value.split("\n"), key=len)
    return value[-20:]


KEPT = (
    "commit {h40} (HEAD -> main, tag: v1.{d2}.0)",
    "index {h7}..{h7} 100644",
    "Merge pull request #{d4} from acme/{l8}",
    "image: ghcr.io/acme/checkout@sha256:{h64}",
    "Pulled {l6}.azurecr.io/checkout:v1.{d2}.{d1}-{h8}",
    "Container cri-o://{h64} started",
    'pod="payments-api-{l9}-{l5}" node="ip-10-{d2}-{d2}-{d2}.eu-west-1.compute.internal"',
    "traceparent: 00-{h32}-{h16}-01",
    "X-B3-TraceId: {h32} X-B3-SpanId: {h16}",
    "x-amzn-trace-id: Root=1-{h8}-{h24};Parent={h16};Sampled=1",
    "x-request-id={U} x-cloud-trace-context: {h32}/{d18}",
    "correlation_id={U} causation_id={U} tenant={U}",
    '{"span_id":"{h16}","trace_id":"{h32}","parent":"{h16}"}',
    'ETag: W/"{h32}"',
    'If-None-Match: "{h40}"',
    "arn:aws:iam::{d12}:role/payments-token-refresher",
    "arn:aws:secretsmanager:eu-west-1:{d12}:secret:prod/db-password-{a6}",
    "arn:aws:lambda:us-east-1:{d12}:function:rotate-secret:7",
    "projects/acme/secrets/db-password/versions/{d2}",
    "i-{h17} vol-{h17} sg-{h17} subnet-{h17} eni-{h17} ami-{h17}",
    '"integrity": "sha512-{b86}=="',
    "h1:{b43}=",
    "github.com/google/re2 v0.0.0-20{d12}-{h12} h1:{b43}=",
    "--hash=sha256:{h64}",
    'checksum = "{h64}"',
    "md5sum {h32}  app.tar.gz",
    "serial=0{h31} fingerprint SHA256:{b43}",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA{b44} ci@host",
    "-----BEGIN CERTIFICATE-----\nMII{b61}\n{b64}\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMII{b61}\n-----END PUBLIC KEY-----",
    "data: {b40}== # a ConfigMap",
    "configmap checksum/config: {h64}",
    "checksum/secret: {h64}",
    'resourceVersion: "{d9}" uid: {U}',
    "offset=1{d7} partition=7 group=checkout-token-consumer",
    'llm_token_count_total{model="m"} 1{d4}',
    "auth_token_count={d3} token_bucket_size={d2} tokens_per_second={d2}.5",
    "prompt_tokens=1{d3} completion_tokens={d3} total_tokens=1{d3}",
    'password_reset_total{service="identity-{l5}"} {d3}',
    'http_requests_total{path="/oauth/token",code="401"} {d3}',
    "secret_rotation_age_seconds {d6}.{d2}",
    "api_key_cache_hits_total 1{d5}",
    "key=checkout:cart:{d8} ttl=300",
    "cache key user:{d6}:profile:{h8} missed",
    "redis key session:{U} evicted",
    "partition_key=order-{d8} sort_key=2026-01-0{d1}",
    "idempotency_key={U} idempotency-key: {U}",
    "foreign key constraint fk_{l6}_{l8} fails",
    "Duplicate entry '{d8}' for key 'orders.PRIMARY'",
    "primary key (id, tenant_id) index idx_{h8}",
    "routing_key=orders.created.v2 exchange=orders",
    "cache-key: node-modules-linux-x64-{h64}",
    "Cache restored from key: Linux-build-{h64}",
    "Key: {l8}/{d4}/part-{d5}.parquet Bucket: acme-data",
    "s3://acme-data/year=2026/month=01/part-{d5}-{U}.snappy.parquet",
    "next_token={b40}= page_token={s32}",
    "continue token expired: The provided continue parameter is too old {d9}",
    "syncToken: {d8} nextPageToken: {s24}",
    "cancellation_token_source {d4} disposed",
    "csrf token mismatch for session user={d6}",
    "token validation failed: exp={d10} now={d10}",
    "invalid token at line {d2} column {d2}: unexpected token '}'",
    "authentication failed for user app from 10.0.{d2}.{d2} port {d5}",
    "Failed password for root from 10.{d2}.{d1}.{d2} port {d5} ssh2",
    "Accepted publickey for deploy from 10.0.0.{d2} port {d5} ssh2: ED25519 SHA256:{b43}",
    'password authentication failed for user "orders_{l4}"',
    "password_encryption = scram-sha-256",
    "password hash scheme: argon2id v=19",
    "secretName: checkout-tls-{d4} keyPath: /etc/tls/tls.key",
    "secretKeyRef:\n  name: db-credentials-{l5}\n  key: password",
    'MountVolume.SetUp failed for volume "token" : secret "sa-token-{l5}" not found',
    "kube-api-access-{l5} token-{l5} default-token-{l5}",
    "serviceaccount system:serviceaccount:prod:vault-auth cannot get secrets",
    "vault lease auth/kubernetes/login/{h24} expired",
    "VAULT_TOKEN_FILE=/run/secrets/vault-token-{d2}",
    "password: ${DB_PASSWORD} token: $(cat /run/token) key: {{ .Values.key }}",
    'token = os.environ["API_TOKEN"]',
    "api_key = settings.api_key.get_secret_value()",
    "password=***** secret=<redacted> token=[FILTERED] key=xxxxxxxx",
    "public_key=MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE{b86}==",
    "kid={s27} alg=RS256",
    "client_id={h32} redirect_uri=https://app/cb",
    "user_id={U} org_id={d8} account_id={d12}",
    "goroutine {d4} [IO wait]:\nnet/http.(*conn).serve(0xc000{h6}, {0x{h7}, 0xc000{h6}})",
    "at com.acme.auth.TokenFilter.doFilter(TokenFilter.java:{d3})",
    'File "/srv/app/token_store.py", line {d3}, in refresh_token',
    'pg: relation "password_resets_{d4}" does not exist',
    '2026/01/02 03:04:05 [error] {d2}#{d2}: *{d5} upstream timed out, request: "POST /api/v1/token HTTP/1.1"',
    '10.0.0.{d2} - - [02/Jan/2026:03:04:05 +0000] "GET /login?next=/cart HTTP/1.1" 302 {d3}',
    "0x{h64} slot={d5} epoch=0x{h8}",
    "01J{u23} 2{a26} c{l24} {a21}",
    "build {d5} sha={h12} run_id={d11} job_id={d11}",
    "GPU-{U} nvme-eui.{h16} wwn-0x{h16}",
    "mac=de:ad:{h2}:{h2}:{h2}:{h2} ipv6=fe80::{h4}:{h4}:{h4}:{h4}",
    "xid={d10} lsn=0/{h8} txid={d8} gtid={U}:1-{d4}",
    "cluster_id={s22} broker={d1} leader_epoch={d2}",
    "Slack channel C0{u9} ts={d10}.{d6} user U0{u9}",
    "jira OPS-{d4} pagerduty incident Q{u13} PD service P{u6}",
    "tls: client offered cipher 0x{h4}; ja3={h32}",
    "dns: {l8}.{l6}.svc.cluster.local. 30 IN A 10.0.{d2}.{d2}",
)
"""Identifiers on which an investigation lives; ``{U}`` is a UUID."""

LOG_LINES = (
    'level=info ts=2026-01-02T03:04:05.{d3}Z caller=main.go:{d3} msg="request served" path=/api/cart/{d6} status=200',
    '{"level":"warn","logger":"c.a.Checkout","msg":"slow query","ms":{d4},"trace_id":"{h32}","query":"select 1"}',
    'I0102 03:04:05.{d6}       1 controller.go:{d3}] "Reconciled" key="prod/checkout-{l5}" duration="{d2}ms"',
    "2026-01-02 03:04:05,{d3} INFO [http-nio-8080-exec-{d1}] o.s.w.DispatcherServlet : Completed 200 OK in {d3} ms",
    "Jan  2 03:04:05 web-{d2} sshd[{d5}]: Connection closed by 10.0.{d2}.{d2} port {d5} [preauth]",
    "W0102 03:04:05.{d6} reflector.go:{d3}] watch of *v1.Secret ended with: too old resource version: {d9}",
    "2026-01-02T03:04:05Z ERROR retrying token refresh in {d2}s attempt={d1} session={h12}",
    "[{d10}.{d6}] nf_conntrack: table full, dropping packet",
    "ERROR:  deadlock detected DETAIL:  Process {d5} waits for ShareLock on transaction {d8}",
    'time=2026-01-02T03:04:05Z level=DEBUG msg="cache miss" key=cart:{d8} keys={d3} author=ann',
    '{d2}.{d2}.0.1 - app [02/Jan/2026:03:04:05 +0000] "POST /v2/tokens?limit=20 HTTP/2" 201 {d4} "-" "curl/8.5"',
    "java.lang.IllegalStateException: no key for id {d6} at com.acme.Keys.find(Keys.java:{d2})",
    "kafka: offset commit group=checkout-auth topic=login-events partition={d1} offset={d8}",
    "user {d6} passed the check; {d2} passes, author key-account team, monkey patch applied",
)


def kept(seed: int, rounds: int = 1) -> Iterator[str]:
    """Identifiers that must not be changed."""
    yield from _filled(Dice(seed), KEPT, rounds)


def log_lines(seed: int, rounds: int = 1) -> Iterator[str]:
    """Lines of ordinary logs."""
    yield from _filled(Dice(seed), LOG_LINES, rounds)


def _filled(dice: Dice, templates: tuple[str, ...], rounds: int) -> Iterator[str]:
    places = re.compile(r"\{(?:U|([alUuhbsd])(\d+))\}")
    alphabets = {"a": ALNUM, "l": LOWER, "u": UPPER, "h": HEX, "b": BASE64, "s": URLSAFE, "d": string.digits}
    for _ in range(rounds):
        for template in templates:
            yield places.sub(lambda m: dice.of(alphabets[m[1]], int(m[2])) if m[1] else dice.uuid(), template)


def credentials(seed: int) -> list[str]:
    """Credentials such as one configures, among them awkward ones."""
    dice = Dice(seed)
    drawn = [dice.of(string.printable[:94], dice.random.randint(8, 60)) for _ in range(8)]
    tokens = [f"{prefix}{dice.of(URLSAFE, 50)}" for prefix in ("xoxb-", "glsa_", "")]
    awkward = [
        "winter rose & thorn/7",
        'quöte"and\\back',
        "100%25sure%41<b>",
        "a%b1c\\n\\u0041zz",
        "s3cr3t!",
        "🙂key\U0001d518!",
    ]
    return [*tokens, *awkward, *drawn]


def encoded(credential: str) -> Iterator[tuple[str, str]]:
    """The name of an encoding, and a text with the credential in it."""
    raw, once = credential.encode(), json.dumps(credential)[1:-1]
    url = quote(credential, safe="")
    yield from {
        "as it is": credential,
        "JSON": once,
        "JSON in UTF-8": json.dumps(credential, ensure_ascii=False)[1:-1],
        "JSON twice": json.dumps(once)[1:-1],
        "JSON thrice": json.dumps(json.dumps(once))[1:-1],
        "repr": repr(credential)[1:-1],
        "URL": url,
        "URL, path": quote(credential),
        "URL, form": url.replace("%20", "+"),
        "URL twice": quote(url, safe=""),
        "URL, every byte": "".join(f"%{byte:02x}" for byte in raw),
        "URL, every byte, twice": "".join(f"%25{byte:02X}" for byte in raw),
        "URL of JSON": quote(once, safe=""),
        "HTML": html.escape(credential),
        "HTML twice": html.escape(html.escape(credential)),
        "HTML, decimal": "".join(f"&#{ord(one)};" for one in credential),
        "HTML, hexadecimal": "".join(f"&#x{ord(one):X};" for one in credential),
        "HTML of JSON": html.escape(once),
        "bytes escaped": "".join(f"\\x{byte:02x}" for byte in raw),
        "octal": "".join(f"\\{byte:03o}" for byte in raw),
        "unicode": "".join(f"\\u{code:04x}" for code in _utf16(credential)),
        "unicode, upper case, twice": "".join(f"\\\\u{code:04X}" for code in _utf16(credential)),
        "hexadecimal": raw.hex(),
        "hexadecimal, upper case": raw.hex().upper(),
        "hexadecimal, colons": raw.hex(":"),
        "bytes of Go": " ".join(map(str, raw)),
        "bytes": ", ".join(map(str, raw)),
    }.items()
    for before in ("", "a", "ab"):
        for after in ("", ":", "xy"):
            yield from _in_base64(f"{before}{credential}{after}".encode(), once, before)


def _utf16(text: str) -> list[int]:
    units = text.encode("utf-16-be")
    return [units[n] << 8 | units[n + 1] for n in range(0, len(units), 2)]


def _in_base64(text: bytes, escaped: str, before: str) -> Iterator[tuple[str, str]]:
    packed = base64.b64encode(text).decode()
    yield "base64", packed
    yield "base64, no padding", packed.rstrip("=")
    yield "base64, safe in URLs", base64.urlsafe_b64encode(text).decode()
    yield "base64 in a URL", quote(packed, safe="")
    yield "base64, slashes escaped", packed.replace("/", "\\/")
    yield "base64 twice", base64.b64encode(before.encode() + packed.encode()).decode()
    yield "base64 of JSON", base64.b64encode(f'{before}{{"k": "{escaped}"}}'.encode()).decode()
    yield "base64 of UTF-16", base64.b64encode(text.decode().encode("utf-16-le")).decode()
    yield "base64, wrapped", "\n".join(packed[n : n + 32] for n in range(0, len(packed), 32))
    yield "base64, wrapped, in JSON", json.dumps(base64.encodebytes(text * 3).decode())
