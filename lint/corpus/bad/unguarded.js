function opened() {
  fbq('trackCustom', 'DeckOpened');
}
