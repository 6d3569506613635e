MODEL (
  name staging.known_authors,
  kind SEED (path '$root/seeds/known_authors.csv'),
  columns (author_address TEXT, account_id BIGINT),
  grain author_address,
  description 'Addresses (sha1(local)@domain) of git authors whose GitHub account is known otherwise than by a noreply address.'
);
