MODEL (
  name staging.bot_logins,
  kind SEED (path '$root/seeds/bot_logins.csv'),
  columns (login TEXT),
  grain login,
  description 'Logins that are bots though their ending does not tell; lower-case.'
);
