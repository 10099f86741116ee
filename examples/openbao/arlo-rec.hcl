# What arlo-rec may do with the root secret bao://transit/arlo, and nothing else: it neither makes, exports, backs up nor
# deletes the key, and sets no flag of it. setup.sh puts another key's name in here.

path "transit/keys/arlo" {
  capabilities = ["read"]
}

path "transit/keys/arlo/rotate" {
  capabilities = ["update"]
}

path "transit/keys/arlo/config" {
  capabilities = ["update"]
  allowed_parameters = {
    "min_decryption_version" = []
    "min_encryption_version" = []
  }
}

path "transit/keys/arlo/trim" {
  capabilities = ["update"]
}

path "transit/encrypt/arlo" {
  capabilities = ["update"]
}

path "transit/decrypt/arlo" {
  capabilities = ["update"]
}

# The newest state seen. The mount is that of `seen` under [bao] in the settings.
path "secret/data/transit/arlo" {
  capabilities = ["create", "read", "update"]
}
