#!/bin/sh
# Prepares OpenBao for the root secret of one store: setup.sh KEY FOLDER, once, with an operator's BAO_ADDR and BAO_TOKEN.
#
# Afterwards the store's owner has FOLDER/role-id and FOLDER/secret-id, and makes the store:
#     arlo-rec init --officer NAME --root bao://transit/KEY
set -eu
key=${1:?setup.sh KEY FOLDER}
folder=${2:?setup.sh KEY FOLDER}
here=$(dirname "$0")

bao read sys/mounts/transit >/dev/null 2>&1 || bao secrets enable transit
bao read sys/mounts/secret >/dev/null 2>&1 || bao secrets enable -path=secret -version=2 kv
bao read sys/auth/approle >/dev/null 2>&1 || bao auth enable approle

# Neither exportable nor with a backup in plain text, and not to be deleted: arlo-rec takes no other key.
bao write -f "transit/keys/$key"
sed "s|/arlo\([\"/]\)|/$key\1|" "$here/arlo-rec.hcl" | bao policy write "arlo-rec-$key" -
bao write "auth/approle/role/arlo-rec-$key" token_policies="arlo-rec-$key" token_no_default_policy=true \
    token_type=batch token_ttl=1h

umask 077
mkdir -p "$folder"
bao read -field=role_id "auth/approle/role/arlo-rec-$key/role-id" >"$folder/role-id"
bao write -f -field=secret_id "auth/approle/role/arlo-rec-$key/secret-id" >"$folder/secret-id"
