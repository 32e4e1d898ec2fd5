"""The SOAP dialect: zeep from a WSDL kept here."""
